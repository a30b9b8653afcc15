"""Leases on requests, so that two processes do not make the same request.

A lease is kept in the store of the request budget until the response is in the archive and visible
to others. The next holder of the lease checks the archive before it makes the request.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.day_range import DayRange
from assets.framework.contract.request import Request
from assets.framework.ingestion.session import Session
from givenergy.budget.request_budget import Lease
from givenergy.errors import UnusableNameError

_LEASE_S = 300.0
# Responses are flushed, and leases on them given up, at least this often.
_FLUSH_EVERY_S = 15.0
_PAGING = ("page", "pageSize")
_COLUMNS = ["device_id", "request_date", "request_end_date", "path", "params", "outcome", "source"]
# Key of an archived response: device and day, or device, path and parameters.
_Fetched = tuple[str, date] | tuple[str, str, bytes]


class RequestLease:
    """The leases on what one request covers, by `Request.lease_keys`."""

    def __init__(self, leases: Mapping[str, Lease]) -> None:
        self._leases = dict(leases)

    def release(self, keys: Iterable[str] | None = None) -> None:
        """Release the leases of some keys; None releases all."""
        for key in list(self._leases) if keys is None else keys:
            self._leases.pop(key).release()


class RequestLeases:
    """The leases of one run; `take` from any thread, the rest from the one that owns it."""

    def __init__(self, session: Session, dataset: Dataset) -> None:
        """Remember the end of the archive; later responses may answer planned requests."""
        self._session = session
        self._dataset = dataset
        self._newest_number = session.lake.archive.newest_number()
        self._scanned_to = session.lake.archive.last_segment()
        self._fetched: set[_Fetched] = set()
        self._fetched_before: set[_Fetched] = set()
        self._deferred: set[_Fetched] = set()
        self._scanning = threading.Lock()
        self._held: list[RequestLease] = []
        self._flushed_at = time.monotonic()

    def take(self, request: Request) -> RequestLease | None:
        """Lease what a request covers; None if another process is fetching it or has fetched it."""
        keys = request.lease_keys
        leases: dict[str, Lease] = {}
        for key in keys:
            lease = self._session.budget.lease(f"{self._dataset.name}/{key}", _LEASE_S)
            if lease is None:
                break
            leases[key] = lease
        taken = RequestLease(leases)
        if len(leases) < len(keys) or self.already_fetched(request):
            taken.release()
            return None
        return taken

    def start_batch(self) -> None:
        """Forget responses older than the last batch: its requests have been made or deferred."""
        with self._scanning:
            self._fetched |= self._fetched_before & self._deferred
            self._fetched_before, self._fetched = self._fetched, set()

    def defer(self, request: Request) -> None:
        """Note that a request is made after those of later batches."""
        keys = self._keys(request)
        with self._scanning:
            self._deferred |= keys

    def keep(self, lease: RequestLease) -> None:
        """Hold a lease until the appended response is flushed to the archive."""
        self._held.append(lease)

    def flush_if_due(self) -> None:
        """Flush the archive if due, and release the leases on flushed responses."""
        if time.monotonic() - self._flushed_at > _FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Flush the archive and release the leases on flushed responses."""
        held, self._held = self._held, []
        self._session.lake.archive.flush()
        for lease in held:
            lease.release()
        self._flushed_at = time.monotonic()

    def already_fetched(self, request: Request) -> bool:
        """Return whether any process has archived the response since this run began."""
        keys = self._keys(request)
        with self._scanning:
            self._scan()
            return not (keys.isdisjoint(self._fetched) and keys.isdisjoint(self._fetched_before))

    def _keys(self, request: Request) -> set[_Fetched]:
        """Return the keys of the responses that answer a request."""
        if request.joins:
            return {key for each in request.joins for key in self._keys(each)}
        try:
            path = (request.endpoint or self._dataset.endpoint).url_path(request.path)
        except UnusableNameError:
            return set()  # and the client will say so
        parameters = {**request.query, **(request.body or {})}
        return set(_fetched(request.device_id, request.day_range, path, parameters))

    def _scan(self) -> None:
        """Record responses that any process published since the last scan."""
        archive = self._session.lake.archive
        # Whoever gives up a lease has numbered its segment before.
        if (newest_number := archive.newest_number()) == self._newest_number:
            return
        last = archive.last_segment()
        for rows in archive.scan(
            _COLUMNS, dataset=self._dataset.name, after=self._scanned_to, up_to=last
        ):
            values = (rows[name].to_pylist() for name in _COLUMNS)
            for device_id, first, end, path, params, outcome, source in zip(*values, strict=True):
                if outcome == "ok" and source == self._session.source:
                    by_day = None if first is None else DayRange(device_id, first, end or first)
                    parameters = {} if by_day else msgspec.json.decode(params)
                    self._fetched.update(_fetched(device_id, by_day, path, parameters))
        self._scanned_to, self._newest_number = last, newest_number


def _fetched(
    device_id: str, day_range: DayRange | None, path: str, parameters: Mapping[str, Any]
) -> Iterator[_Fetched]:
    """Yield the keys of a response; paging parameters are ignored."""
    if day_range is None:
        named = {name: value for name, value in parameters.items() if name not in _PAGING}
        yield device_id, path, msgspec.json.encode(named, order="deterministic")
        return
    for number in range(len(day_range)):
        yield device_id, day_range.first + timedelta(days=number)
