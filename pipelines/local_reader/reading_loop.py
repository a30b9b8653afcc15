"""Poll inverters again and again, until told to stop."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Protocol

from assets.framework.contract.devices import EARLIEST_DATA
from givenergy.server_clock import utc_now
from pipelines.local_reader.inverter_address import InverterAddress
from pipelines.local_reader.poll_archive import PollArchive
from pipelines.local_reader.poll_inverter import poll_inverter
from pipelines.local_reader.poll_journal import Poll, PollJournal
from pipelines.local_reader.register_read import USUAL, ReadFailedError, Timing
from pipelines.settings_file import SettingsError
from warehouse.errors import WarehouseError

# Polls that are not stored are in the journal: they are safe, but not in the tables.
_STORE_EVERY_S = 300.0
# A build writes the month's file anew: the larger that is, the longer it waits, to spare the disk.
_WAIT_PER_BUILD = 1000
_LONGEST_WAIT_S = 900.0
_LONGEST_BACKOFF_S = 60.0


class ReaderClock(Protocol):
    """The time, and waiting."""

    def now(self) -> datetime:
        """Return the present time, UTC."""

    def monotonic(self) -> float:
        """Return seconds that nobody sets."""

    def wait(self, seconds: float) -> bool:
        """Wait, and return whether to stop."""


class MachineClock:
    """The machine's clock, corrected by the API's; `stopped` ends a wait."""

    def __init__(self, stopped: Event) -> None:
        """Wait until `stopped` is set."""
        self._stopped = stopped

    def now(self) -> datetime:
        """Return the present time, UTC."""
        return utc_now()

    def monotonic(self) -> float:
        """Return seconds that nobody sets."""
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        """Wait, and return whether to stop."""
        return self._stopped.wait(max(0.0, seconds))


@dataclass(slots=True)
class Reader:
    """An inverter that is polled.

    Attributes:
        address: Where it is.
        serial: Its serial number, once it was read.
        due_at: When to poll it next, in seconds of the clock that nobody sets.
        failed: Polls that failed since the last one that did not.
        reason: Why, as it was told.
        is_clock_wrong: Whether its clock and this machine's cannot both be right, as it was told.
    """

    address: InverterAddress
    serial: str | None = None
    due_at: float = 0.0
    failed: int = 0
    reason: str | None = None
    is_clock_wrong: bool = False


@dataclass(slots=True)
class ReadingLoop:
    """The work of `givlake read-inverter`.

    Attributes:
        addresses: The inverters.
        every_s: Seconds between two polls of each.
        known: Serial numbers of the account's inverters; empty if none is known.
        journal: Where polls are made durable.
        archive: Moves them into the archive and the tables.
        clock: The time, and waiting.
        tell: Called with a sentence when something changes.
        timing: How long to wait for an inverter.
        store_every_s: Seconds between two additions to the archive and the tables, at least.
    """

    addresses: Sequence[InverterAddress]
    every_s: float
    known: frozenset[str]
    journal: PollJournal
    archive: PollArchive
    clock: ReaderClock
    tell: Callable[[str], object]
    timing: Timing = USUAL
    store_every_s: float = _STORE_EVERY_S
    _readers: list[Reader] = field(default_factory=list)
    _store_at: float = 0.0
    _is_unbuilt: bool = False
    _trouble: str | None = None

    def run(self) -> None:
        """Poll until the clock says to stop, then store what was read.

        Raises:
            SettingsError: The only address has an inverter that the account does not have.
        """
        self._readers = [Reader(address, due_at=self._now()) for address in self.addresses]
        # What an earlier process left.
        self.store()
        try:
            while not self.clock.wait(min(each.due_at for each in self._readers) - self._now()):
                for reader in self._readers:
                    if reader.due_at <= self._now():
                        self._poll(reader)
                if self._store_at <= self._now():
                    self.store()
        finally:
            self.store(wait=True)

    def poll_each_once(self) -> list[Poll]:
        """Poll each inverter, store what was read, and return it."""
        readers = [Reader(address) for address in self.addresses]
        polls = [poll for reader in readers if (poll := self._poll(reader)) is not None]
        self.store(wait=True)
        return polls

    def store(self, *, wait: bool = False) -> None:
        """Archive the polls and build the tables; what fails is told and tried again later.

        Args:
            wait: Whether to wait for a build of another process, as at the end.
        """
        begun = self._now()
        try:
            self._is_unbuilt |= self.archive.store() > 0
            if self._is_unbuilt:
                self._is_unbuilt = not self.archive.build(wait=wait)
        except WarehouseError as error:
            self._tell_trouble(str(error))
        else:
            self._tell_trouble(None)
        took = self._now() - begun
        longer_s = min(took * _WAIT_PER_BUILD, _LONGEST_WAIT_S)
        self._store_at = begun + max(self.store_every_s, longer_s)

    def _now(self) -> float:
        return self.clock.monotonic()

    def _poll(self, reader: Reader) -> Poll | None:
        begun = self._now()
        try:
            self._check_clock()
            poll = poll_inverter(reader.address, self.clock.now, self.archive.zone, self.timing)
            self._check_serial(reader, poll.serial)
        except ReadFailedError as error:
            reader.failed += 1
            backoff_s = self.every_s * 2 ** min(reader.failed - 1, 8)
            reader.due_at = begun + max(self.every_s, min(backoff_s, _LONGEST_BACKOFF_S))
            if (reason := str(error)) != reader.reason:
                reader.reason = reason
                self.tell(f"{reader.address} was not read: {reason}.")
            return None
        # The next beat: reading does not make the interval longer.
        late_s = begun - reader.due_at
        reader.due_at += self.every_s * (1 + late_s // self.every_s)
        if reader.failed:
            self.tell(f"{reader.address} is read again; failed attempts: {reader.failed}.")
        reader.failed, reader.reason = 0, None
        if poll.is_clock_wrong and not reader.is_clock_wrong:
            self.tell(
                f"The clock of the inverter at {reader.address} and that of this machine differ by"
                " more than a day: rows have this machine's time. Set the one that is wrong."
            )
        reader.is_clock_wrong = poll.is_clock_wrong
        try:
            self.journal.append(poll)
        except WarehouseError as error:
            self._tell_trouble(str(error))
        return poll

    def _check_clock(self) -> None:
        """Refuse to read at a time that cannot be true.

        Raises:
            ReadFailedError: It is before any inverter was made, as on a machine that has just
                started and keeps no time while it is off.
        """
        if (now := self.clock.now()) < EARLIEST_DATA:
            raise ReadFailedError(f"this machine's clock says {now:%Y-%m-%d}: set it")

    def _check_serial(self, reader: Reader, serial: str) -> None:
        """Refuse another inverter than the one that is meant.

        Raises:
            ReadFailedError: Another one has the address now, or the account does not have it.
            SettingsError: The account does not have the only one.
        """
        if reader.serial is None:
            if self.known and serial not in self.known:
                known = ", ".join(sorted(self.known))
                if len(self.addresses) == 1:
                    raise SettingsError(
                        f"The inverter at {reader.address} is {serial}, which is not one of the"
                        f" account of this data folder ({known}): correct GIVLAKE_LOCAL_INVERTER,"
                        " or use another data folder."
                    )
                # The others are read all the same.
                raise ReadFailedError(
                    f"it is {serial}, which is not one of the account of this data folder ({known})"
                )
            reader.serial = serial
        if serial != reader.serial:
            raise ReadFailedError(
                f"another inverter, {serial}, answers in place of {reader.serial}"
            )

    def _tell_trouble(self, trouble: str | None) -> None:
        """Tell what keeps polls from being stored, once."""
        if trouble != self._trouble:
            self._trouble = trouble
            self.tell(f"{trouble}. Reading goes on." if trouble else "Polls are stored again.")
