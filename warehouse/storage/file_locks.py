"""Locks between processes, released by the kernel when the process that holds one ends.

Lock order, against deadlocks: `build-<dataset>` -> `coverage` -> `requests` -> `pack` ->
`archive` -> the file of a sequence. `catalogue`, `state` and `layout` are only held alone, and
nothing is acquired while `owner` is held. `local-reader` comes before all others, and is not waited
for. A lock may be skipped, but never acquired against this
order.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from warehouse.errors import LockTimeoutError, StoreError

try:
    import fcntl
except ImportError as error:  # Windows has no flock
    raise StoreError(
        "givlake's stores need POSIX file locks, which this system lacks: "
        "on Windows run givlake inside WSL 2, with the data folder on the Linux side"
    ) from error

_POLL_S = 0.02


class FileLock:
    """An advisory `flock` on a dedicated file; the kernel releases it when the process ends.

    Not re-entrant: two locks on one path exclude each other, also within one process.
    """

    def __init__(
        self,
        path: Path,
        *,
        shared: bool = False,
        timeout_s: float | None = None,
        read_only: bool = False,
    ) -> None:
        """Prepare a lock on `path`.

        Args:
            path: The file.
            shared: Whether others may hold a shared lock at the same time.
            timeout_s: How long to wait; None waits for ever, 0 does not wait.
            read_only: Take a shared lock without creating or writing the file; no lock if this user
                cannot open the file.
        """
        self.path = path
        self._shared = shared or read_only
        self._read_only = read_only
        self._timeout_s = timeout_s
        self._fd: int | None = None

    def acquire(self) -> None:
        """Acquire the lock.

        Raises:
            LockTimeoutError: It was not free within `timeout_s`.
        """
        if self._read_only:
            try:
                fd = os.open(self.path, os.O_RDONLY)
            except (FileNotFoundError, PermissionError):
                return
        else:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        mode = fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX
        try:
            if self._timeout_s is None:
                fcntl.flock(fd, mode)
            else:
                self._poll(fd, mode, time.monotonic() + self._timeout_s)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def _poll(self, fd: int, mode: int, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(fd, mode | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise LockTimeoutError(
                        f"{self.path.name} is held by another givlake process "
                        f"after {self._timeout_s:g} s: wait until it has finished, then run again"
                    ) from None
                time.sleep(_POLL_S)
            else:
                return

    def release(self) -> None:
        """Release the lock; do nothing if it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
