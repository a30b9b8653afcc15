"""The state of the last request of each kind and device of a snapshot dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from assets.framework.contract.known_state import KnownState
from assets.framework.contract.request import Request
from assets.framework.contract.sql_files import read_sql
from assets.framework.ingestion.availability import CONFIRMED_AFTER
from givenergy.endpoints.definition import Endpoint
from warehouse import SETTLED, State

_STATE_OF_STATUS = {
    401: State.FORBIDDEN,
    402: State.FORBIDDEN,
    403: State.FORBIDDEN,
    404: State.GONE,
}


@dataclass(frozen=True, slots=True)
class LastRequest:
    """State of the last request of one kind for one device.

    Attributes:
        device_id: The device; "" is the account.
        kind: The parameters without dates and pages, as JSON.
        state: Complete, partial, failed, forbidden or gone, after a second 404 at another time; not
            built until it is in the tables.
        at: When it ended so, UTC.
        complete_at: When such a request was last answered completely, UTC.
        reason: Why it is incomplete; "" if it is complete.
        error_count: Failures in the archive.
        path: Path below the base URL of the API.
    """

    device_id: str
    kind: str
    state: State
    at: datetime
    complete_at: datetime | None
    reason: str = ""
    error_count: int = 0
    path: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether no request is needed before the next one is due."""
        return self.state in SETTLED

    def is_of(self, request: Request, endpoint: Endpoint) -> bool:
        """Return whether it was of this kind."""
        if self.path != (request.endpoint or endpoint).url_path(request.path):
            return False
        # Dates are left out of the kind, so that those of a request are not compared.
        numbers = {name: value for name, value in request.query.items() if isinstance(value, int)}
        return all(f'"{name}":{value}' in self.kind for name, value in numbers.items())


def last_requests(
    state: KnownState, dataset: str | None = None
) -> Mapping[str, Sequence[LastRequest]]:
    """Return the last requests by dataset; `dataset` limits them to one."""
    sql = read_sql("last_requests", __package__)
    by_dataset: dict[str, list[LastRequest]] = {}
    for row in state.rows(sql, dataset=dataset):
        by_dataset.setdefault(row["dataset"], []).append(
            replace(_last_request(row), path=row["path"])
        )
    return by_dataset


def _last_request(row: Mapping[str, Any]) -> LastRequest:
    about, complete_at = (row["device_id"], row["kind"]), row["complete_at"]
    never = datetime.min.replace(tzinfo=UTC)
    at = max(time or never for time in (complete_at, row["error_at"], row["partial_at"]))
    if at == complete_at:
        return LastRequest(*about, State.COMPLETE, at, complete_at)
    if at == row["partial_at"]:
        reason = row["partial"] or "the list is incomplete"
        return LastRequest(*about, State.PARTIAL, at, complete_at, reason)
    state = _STATE_OF_STATUS.get(row["error_status"], State.FAILED)
    if state is State.GONE and at - row["not_found_at"] < CONFIRMED_AFTER:
        state = State.FAILED
    return LastRequest(*about, state, at, complete_at, row["error"] or "", row["error_count"])
