"""The journal of polls: each is durable before the next, until the archive has it.

A poll is a line of JSON. A line that was cut off, by a kill or a power cut, is dropped: it was not
durable yet.
"""

import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from warehouse.storage.atomic_files import explained, fsync_folder
from warehouse.storage.ownership import make_folder

_LOG = logging.getLogger(__name__)
_FOLDER = "local"
_FILE = "polls.jsonl"
# Half a day at the shortest interval, in memory while the disk is full.
_MOST_WAITING_BYTES = 8 << 20


class Poll(msgspec.Struct, frozen=True):
    """What an inverter answered at one time.

    Attributes:
        serial: Serial number of the inverter.
        at: When it was read, UTC, in whole seconds.
        has_utc_days: Whether a day of its data points is one of UTC.
        point: The data point, as the API sends them.
        registers: The registers that it was made of, as hex by block.
        is_clock_wrong: Whether the inverter's clock and this machine's cannot both be right.
    """

    serial: str
    at: datetime
    has_utc_days: bool
    point: dict[str, Any]
    registers: dict[str, str]
    is_clock_wrong: bool = False


_DECODER = msgspec.json.Decoder(Poll)


class PollJournal:
    """The polls that are not archived yet. For one process, which holds the reader's lock."""

    def __init__(self, data: Path) -> None:
        """Open the journal of a data folder; drop a line that was cut off.

        Raises:
            StoreError: The folder cannot be written.
        """
        self.path = self.path_in(data)
        self._waiting = b""
        with explained("Writing into", self.path.parent):
            if not self.path.parent.exists():
                make_folder(self.path.parent)
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            fsync_folder(self.path.parent)
            content = self.path.read_bytes()
            self._bytes = content.rfind(b"\n") + 1
            if self._bytes < len(content):
                _LOG.warning("The last line of %s was cut off and is dropped", self.path)
                self._truncate()

    @staticmethod
    def path_in(data: Path) -> Path:
        """Return where the journal of a data folder is."""
        return data / _FOLDER / _FILE

    def append(self, poll: Poll) -> None:
        """Add a poll and make it durable.

        Raises:
            StoreError: The disk is full or not writable: the poll stays in memory, and is added
                with the next one.
        """
        if len(self._waiting) < _MOST_WAITING_BYTES:
            self._waiting += msgspec.json.encode(poll) + b"\n"
        self.write_waiting()

    def write_waiting(self) -> None:
        """Make the polls durable that could not be written before.

        Raises:
            StoreError: The disk is full or not writable: they stay in memory.
        """
        if not self._waiting:
            return
        with explained("Writing into", self.path):
            try:
                written = os.write(self._fd, self._waiting)
                if written < len(self._waiting):
                    # The second write says why.
                    written += os.write(self._fd, self._waiting[written:])
                os.fsync(self._fd)
            except OSError:
                # The next line begins where this one did.
                self._truncate()
                raise
        self._bytes += written
        self._waiting = b""

    def polls(self) -> list[Poll]:
        """Return the durable polls; lines that cannot be read are kept in a file beside them.

        Raises:
            StoreError: The file cannot be read, or the other one not be written.
        """
        with explained("Reading", self.path):
            lines = self.path.read_bytes().splitlines()
        polls, damaged = [], b""
        for line in lines:
            try:
                polls.append(_DECODER.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                damaged += line + b"\n"
        if damaged:
            aside = self.path.with_suffix(".damaged")
            with explained("Writing into", aside):
                aside.write_bytes(damaged)
            count = damaged.count(b"\n")
            _LOG.error("Damaged lines of %s, now kept in %s: %d", self.path, aside, count)
        return polls

    def clear(self) -> None:
        """Remove the durable polls: the archive has them.

        Raises:
            StoreError: The disk cannot be written.
        """
        with explained("Writing into", self.path):
            self._bytes = 0
            self._truncate()

    def close(self) -> None:
        """Close the file; it stays."""
        os.close(self._fd)

    def _truncate(self) -> None:
        os.ftruncate(self._fd, self._bytes)
        os.fsync(self._fd)
