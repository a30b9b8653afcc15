"""Claims on device-days, so that no two processes fetch the same one, nor one after the other.

A claim is a lease in the store of the request budget. It is kept until the answer rests in the
archive, where others see it; whoever gets the lease after that looks there before asking.
"""

import threading
import time
from dataclasses import dataclass
from datetime import date

from assets.framework.dataset import Dataset
from assets.framework.session import Session
from givenergy import Lease

_LEASE_S = 300.0
# Answers are flushed, and claims on them given up, at least this often.
_FLUSH_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class Want:
    """One request to make, or more if the answer has pages: a device's day."""

    device_id: str
    day: date


class Claims:
    """The claims of one run; `take` from any thread, the rest from the one that owns it."""

    def __init__(self, session: Session, dataset: Dataset) -> None:
        """Begin with the archive as it is now: what comes in later may have been planned too."""
        self._session = session
        self._dataset = dataset
        self._scanned_to = session.lake.archive.last_segment()
        self._fetched: set[Want] = set()
        self._fetched_before: set[Want] = set()
        self._scanning = threading.Lock()
        self._held: list[Lease] = []
        self._flushed_at = time.monotonic()

    def take(self, want: Want) -> Lease | None:
        """Claim a device-day; None if another process is fetching it or has just done so."""
        key = f"{self._dataset.name}/{want.device_id}/{want.day.isoformat()}"
        lease = self._session.budget.lease(key, _LEASE_S)
        if lease is not None and self._has_come_in(want):
            lease.release()
            return None
        return lease

    def planned_anew(self) -> None:
        """Hear that a further part was planned, and the part before the last has been taken up."""
        with self._scanning:
            self._fetched_before, self._fetched = self._fetched, set()

    def keep(self, lease: Lease) -> None:
        """Hold a claim until the answer to it, which has been appended, is in the archive."""
        self._held.append(lease)

    def flush_if_due(self) -> None:
        """Flush the archive now and then, and give up the claims on what is in it."""
        if time.monotonic() - self._flushed_at > _FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Flush the archive and give up the claims on what is in it."""
        held, self._held = self._held, []
        self._session.lake.archive.flush()
        for lease in held:
            lease.release()
        self._flushed_at = time.monotonic()

    def _has_come_in(self, want: Want) -> bool:
        with self._scanning:
            self._scan()
            return want in self._fetched or want in self._fetched_before

    def _scan(self) -> None:
        """Note what has been published since the last look, by whomever."""
        archive = self._session.lake.archive
        last = archive.last_segment()
        if last == self._scanned_to:
            return
        columns = ["device_id", "request_date", "outcome"]
        for rows in archive.scan(
            columns, dataset=self._dataset.name, after=self._scanned_to, up_to=last
        ):
            values = (rows[name].to_pylist() for name in columns)
            for device_id, day, outcome in zip(*values, strict=True):
                if outcome == "ok":
                    self._fetched.add(Want(device_id, day))
        self._scanned_to = last
