"""Database files that this process has open, attached to one instance of DuckDB.

Starting an instance takes 18 ms of processor time, attaching the published catalogue 15 ms. Nothing
keeps that open, so that others can open it for writing. What only givlake opens stays attached
until its file is replaced or a data folder is closed: a command opens it up to 70 times.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import duckdb

# The catalogue, below the data folder.
FILE = "warehouse.duckdb"


@contextmanager
def attached(
    path: Path, options: str = "READ_ONLY", *, stays_open: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a separate connection with a database file as its default database.

    Args:
        path: The file; closed when its last user closes it.
        stays_open: Whether to leave it open until `close_unused`, or until a later call finds that
            the file was replaced.
        options: Options of `ATTACH`; those of the first user apply.

    Raises:
        duckdb.Error: The file is damaged, or another process holds it open for writing.
    """
    connection = _INSTANCE.open(path, options, stays_open=stays_open)
    try:
        yield connection
    finally:
        connection.close()
        _INSTANCE.release(path)


def close_unused(folder: Path) -> None:
    """Close the files below a folder that stayed open, except those that are used just now."""
    _INSTANCE.close_unused(folder)


def quoted(value: Path | str) -> str:
    """Return a text with its quotes escaped for an SQL string."""
    return str(value).replace("'", "''")


class _Instance:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: duckdb.DuckDBPyConnection | None = None
        self._names: dict[Path, str] = {}
        self._numbers = count(2)
        self._users: Counter[Path] = Counter()
        # The inode and time of change of the files that stay open.
        self._staying: dict[Path, tuple[int, int] | None] = {}

    def open(self, path: Path, options: str, *, stays_open: bool) -> duckdb.DuckDBPyConnection:
        with self._lock:
            self._kept = self._kept or _connect()
            version = _version(path) if stays_open else None
            if path in self._names and self._staying.get(path) != version:
                self._detach_unless_used(path)
            if path not in self._names:
                is_first = path.stem not in self._names.values()
                name = path.stem if is_first else f"{path.stem}_{next(self._numbers)}"
                self._kept.execute(f"ATTACH '{quoted(path)}' AS \"{name}\" ({options})")
                self._names[path] = name
                if version is not None:
                    self._staying[path] = version
            connection = _connect()
            connection.execute(f'USE "{self._names[path]}"')
            self._users[path] += 1
            return connection

    def release(self, path: Path) -> None:
        with self._lock:
            self._users[path] -= 1
            if path not in self._staying:
                self._detach_unless_used(path)

    def close_unused(self, folder: Path) -> None:
        with self._lock:
            for path in [path for path in self._staying if path.is_relative_to(folder)]:
                self._detach_unless_used(path)

    def _detach_unless_used(self, path: Path) -> None:
        if not self._users[path] and self._kept is not None:
            del self._users[path]
            self._staying.pop(path, None)
            # A query may have detached it already.
            self._kept.execute(f'DETACH DATABASE IF EXISTS "{self._names.pop(path)}"')


def _version(path: Path) -> tuple[int, int] | None:
    """Return what differs after a file was replaced; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_ctime_ns


def _connect() -> duckdb.DuckDBPyConnection:
    # By default DuckDB spills what does not fit in memory next to the file.
    spill_folder = Path(tempfile.gettempdir(), f"givlake-query-{os.getpid()}")
    return duckdb.connect(f":memory:{os.getpid()}", config={"temp_directory": str(spill_folder)})


def _renew() -> None:
    """Use another instance in a forked process; the parent's, without its threads, never ends."""
    global _INSTANCE
    _PARENTS.append(_INSTANCE)
    _INSTANCE = _Instance()


_INSTANCE = _Instance()
_PARENTS: list[_Instance] = []
os.register_at_fork(after_in_child=_renew)
