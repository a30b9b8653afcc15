"""Increasing numbers, across threads, processes, crashes and clock changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from warehouse.storage.atomic_files import explained
from warehouse.storage.file_locks import FileLock


class Sequence:
    """The last number issued, in a small locked file.

    The file is not synced, so it may be out of date after a power cut: whoever opens the stores
    calls `raise_to` with the largest number found in durable files.
    """

    def __init__(self, path: Path, floor: Callable[[], int], *, read_only: bool = False) -> None:
        """Keep the sequence in `path`; `floor` returns the last number if the file is damaged."""
        self._path = path
        self._floor = floor
        self._read_only = read_only

    def take(self, count: int, *, at_least: int = 0) -> int:
        """Return the first of `count` consecutive new numbers, none below `at_least`."""
        with explained("Numbering in", self._path), FileLock(self._path):
            first = max(self._last() + 1, at_least)
            self._write(first + count - 1)
        return first

    def raise_to(self, number: int) -> None:
        """Make every number issued from now on greater than `number`."""
        with explained("Numbering in", self._path), FileLock(self._path):
            if self._last() < number:
                self._write(number)

    def last(self) -> int:
        """Return the last number issued."""
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
