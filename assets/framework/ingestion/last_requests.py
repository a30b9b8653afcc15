"""The last outcome of each request of a dataset that is requested in its present state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from assets.framework.contract.known_state import KnownState
from warehouse import State

_REFUSED = {401: State.FORBIDDEN, 402: State.FORBIDDEN, 403: State.FORBIDDEN, 404: State.GONE}


@dataclass(frozen=True, slots=True)
class LastRequest:
    """One kind of request about one device, or the account.

    Attributes:
        device_id: the device it is about; "" is the account.
        state: complete, partial, failed, forbidden or gone.
        at: when it got into that state, UTC.
        complete_at: when it was last answered completely, UTC.
        reason: why it is not complete; "" if it is.
        error_count: failures in the archive.
    """

    device_id: str
    state: State
    at: datetime
    complete_at: datetime | None
    reason: str = ""
    error_count: int = 0


def last_requests(
    state: KnownState, dataset: str | None = None
) -> Mapping[str, Sequence[LastRequest]]:
    """Return the last outcome of requests, by dataset; `dataset` limits them to one."""
    sql = resources.files(__package__).joinpath("sql", "last_requests.sql").read_text()
    by_dataset: dict[str, list[LastRequest]] = {}
    for row in state.rows(sql, dataset=dataset):
        by_dataset.setdefault(row["dataset"], []).append(_last_request(row))
    return by_dataset


def _last_request(row: Mapping[str, Any]) -> LastRequest:
    device_id, complete_at = row["device_id"], row["complete_at"]
    began = datetime.min.replace(tzinfo=UTC)
    at = max(time or began for time in (complete_at, row["error_at"], row["partial_at"]))
    if at == complete_at:
        return LastRequest(device_id, State.COMPLETE, at, complete_at)
    if at == row["partial_at"]:
        reason = row["partial"] or "the list came incomplete"
        return LastRequest(device_id, State.PARTIAL, at, complete_at, reason)
    state = _REFUSED.get(row["error_status"], State.FAILED)
    return LastRequest(device_id, state, at, complete_at, row["error"] or "", row["error_count"])
