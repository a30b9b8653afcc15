"""Numbers that never run backwards, over threads, processes, kills and clock changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from warehouse.storage.atomic_files import explained
from warehouse.storage.locks import FileLock


class Sequence:
    """The last number given out, in a small locked file.

    The file is not synced: after a power cut it may be old, so its user passes the largest number
    that it finds in durable files as the floor, once, when it opens the stores.
    """

    def __init__(self, path: Path, floor: Callable[[], int], *, read_only: bool = False) -> None:
        """Keep the sequence in ``path``; ``floor`` finds the last number where that is lost."""
        self._path = path
        self._floor = floor
        self._read_only = read_only

    def take(self, count: int, *, at_least: int = 0) -> int:
        """Return the first of ``count`` consecutive numbers, all new, none below ``at_least``."""
        with explained("Numbering in", self._path), FileLock(self._path):
            first = max(self._last() + 1, at_least)
            self._write(first + count - 1)
        return first

    def raise_to(self, number: int) -> None:
        """Make sure that every number given from now on is greater than ``number``."""
        with explained("Numbering in", self._path), FileLock(self._path):
            if self._last() < number:
                self._write(number)

    def last(self) -> int:
        """Return the last number given out."""
        with FileLock(self._path, read_only=self._read_only):
            return self._last()

    def _last(self) -> int:
        try:
            text = self._path.read_bytes().strip()
        except FileNotFoundError:  # of a folder opened for reading, which makes none
            return self._floor()
        # A kill can leave the file empty or short; 20 digits are written in one call.
        return int(text) if len(text) == 20 and text.isdigit() else self._floor()

    def _write(self, number: int) -> None:
        with self._path.open("r+b") as file:
            file.write(b"%020d\n" % number)


def now_us() -> int:
    """Return the time since 1970 in microseconds."""
    return time.time_ns() // 1000
