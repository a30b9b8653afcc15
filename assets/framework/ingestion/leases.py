"""Claims on device-days, so that no two processes fetch the same one, nor one after the other.

A claim is a lease in the store of the request budget. It is kept until the answer rests in the
archive, where others see it; whoever gets the lease after that looks there before asking.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from assets.framework.contract.dataset import DailyDataset
from assets.framework.ingestion.day_ranges import DayRange
from assets.framework.ingestion.session import Session
from givenergy import Lease

_LEASE_S = 300.0
# Answers are flushed, and claims on them given up, at least this often.
_FLUSH_EVERY_S = 15.0


class DayLease:
    """The leases on the days of one want."""

    def __init__(self, leases: Mapping[date, Lease]) -> None:
        self._leases = dict(leases)

    def release(self, days: Iterable[date] | None = None) -> None:
        """Give up the claim on days; None gives up all of it."""
        for day in list(self._leases) if days is None else days:
            self._leases.pop(day).release()


class DayLeases:
    """The claims of one run; `take` from any thread, the rest from the one that owns it."""

    def __init__(self, session: Session, dataset: DailyDataset) -> None:
        """Begin with the archive as it is now: what comes in later may have been planned too."""
        self._session = session
        self._dataset = dataset
        self._scanned_to = session.lake.archive.last_segment()
        self._fetched: set[tuple[str, date]] = set()
        self._fetched_before: set[tuple[str, date]] = set()
        self._scanning = threading.Lock()
        self._held: list[DayLease] = []
        self._flushed_at = time.monotonic()

    def take(self, day_range: DayRange) -> DayLease | None:
        """Claim days; None if another process is fetching one of them or has just done so."""
        leases: dict[date, Lease] = {}
        for day in day_range.days:
            key = f"{self._dataset.name}/{day_range.device_id}/{day.isoformat()}"
            lease = self._session.budget.lease(key, _LEASE_S)
            if lease is None:
                break
            leases[day] = lease
        day_lease = DayLease(leases)
        if len(leases) < len(day_range) or self._already_fetched(day_range):
            day_lease.release()
            return None
        return day_lease

    def planned_anew(self) -> None:
        """Hear that a further part was planned, and the part before the last has been taken up."""
        with self._scanning:
            self._fetched_before, self._fetched = self._fetched, set()

    def keep(self, day_lease: DayLease) -> None:
        """Hold a claim until the answer to it, which has been appended, is in the archive."""
        self._held.append(day_lease)

    def flush_if_due(self) -> None:
        """Flush the archive now and then, and give up the claims on what is in it."""
        if time.monotonic() - self._flushed_at > _FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Flush the archive and give up the claims on what is in it."""
        held, self._held = self._held, []
        self._session.lake.archive.flush()
        for day_lease in held:
            day_lease.release()
        self._flushed_at = time.monotonic()

    def _already_fetched(self, day_range: DayRange) -> bool:
        with self._scanning:
            self._scan()
            days = {(day_range.device_id, day) for day in day_range.days}
            return not (days.isdisjoint(self._fetched) and days.isdisjoint(self._fetched_before))

    def _scan(self) -> None:
        """Note what has been published since the last look, by whomever."""
        archive = self._session.lake.archive
        last = archive.last_segment()
        if last == self._scanned_to:
            return
        columns = ["device_id", "request_date", "request_end_date", "outcome"]
        for rows in archive.scan(
            columns, dataset=self._dataset.name, after=self._scanned_to, up_to=last
        ):
            values = (rows[name].to_pylist() for name in columns)
            for device_id, day, end, outcome in zip(*values, strict=True):
                if outcome == "ok":
                    count = ((end or day) - day).days + 1
                    self._fetched.update(
                        (device_id, day + timedelta(days=number)) for number in range(count)
                    )
        self._scanned_to = last
