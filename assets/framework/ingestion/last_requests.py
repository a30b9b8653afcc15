"""The state of the last request of each kind and device of a snapshot dataset."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.request import NOTHING_STATUSES, Request
from assets.framework.contract.sql_files import read_sql
from assets.framework.ingestion.availability import CONFIRMED_AFTER
from givenergy.endpoints.definition import Endpoint
from givenergy.errors import UnusableNameError
from warehouse.coverage import SETTLED, State

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
            built until it is in the tables; empty if the API had nothing for the day that it was
            about.
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


def of_kinds(
    known: Iterable[LastRequest], requests: Iterable[Request], endpoint: Endpoint
) -> tuple[list[LastRequest], list[Request]]:
    """Return the last requests that were of the kind of one of the requests, and those requests.

    Args:
        known: The last requests of a dataset.
        requests: Requests of the dataset.
        endpoint: The endpoint of requests without one of their own.
    """
    by_path: dict[str, list[tuple[Request, tuple[str, ...]]]] = defaultdict(list)
    for request in requests:
        # The path of one that cannot be sent is none: the client will say so.
        with suppress(UnusableNameError):
            path = (request.endpoint or endpoint).url_path(request.path)
            # Dates are left out of the kind, so that those of a request are not compared.
            numbers = tuple(
                f'"{name}":{value}'
                for name, value in request.query.items()
                if isinstance(value, int)
            )
            by_path[path].append((request, numbers))
    matching: list[LastRequest] = []
    matched: dict[int, Request] = {}
    for last_request in known:
        found = [
            request
            for request, numbers in by_path.get(last_request.path, ())
            if all(number in last_request.kind for number in numbers)
        ]
        if found:
            matching.append(last_request)
            matched |= {id(request): request for request in found}
    return matching, list(matched.values())


def last_requests(
    state: KnownState, datasets: Sequence[Dataset]
) -> Mapping[str, Sequence[LastRequest]]:
    """Return the last requests of datasets, by the name of the dataset."""
    sql = read_sql("last_requests", __package__)
    by_name = {dataset.name: dataset for dataset in datasets}
    by_dataset: dict[str, list[LastRequest]] = {}
    for row in state.rows(sql, datasets=list(by_name)):
        last_request = replace(_last_request(row), path=row["path"])
        if by_name[row["dataset"]].lacks_days and _is_nothing(row):
            last_request = replace(last_request, state=State.EMPTY)
        by_dataset.setdefault(row["dataset"], []).append(last_request)
    return by_dataset


def _is_nothing(row: Mapping[str, Any]) -> bool:
    """Return whether the API had nothing for a day, having answered for others before."""
    return row["result"] == "error" and row["was_answered"] and row["status"] in NOTHING_STATUSES


def _last_request(row: Mapping[str, Any]) -> LastRequest:
    about, at, complete_at = (row["device_id"], row["kind"]), row["at"], row["complete_at"]
    if row["result"] == "complete":
        return LastRequest(*about, State.COMPLETE, at, complete_at)
    if row["result"] == "partial":
        reason = row["message"] or "the list is incomplete"
        return LastRequest(*about, State.PARTIAL, at, complete_at, reason)
    state = _STATE_OF_STATUS.get(row["status"], State.FAILED)
    if state is State.GONE and at - row["not_found_at"] < CONFIRMED_AFTER:
        state = State.FAILED
    return LastRequest(*about, state, at, complete_at, row["message"], row["error_count"])
