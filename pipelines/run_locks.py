"""Which runs of an account are alive, on whatever machine: each holds a lock in its data folder.

The kernel releases a lock when the process that holds it ends, so that a killed one can be told
from one at work. Dagster's state cannot tell them, and several machines may share it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import LockTimeoutError
from warehouse.storage.file_locks import FileLock


@contextmanager
def run_lock(data: Path, name: str) -> Iterator[None]:
    """Hold the lock of a run, or of all runs of a command.

    Args:
        data: The account's data folder.
        name: The run's ID, or the command's.
    """
    file = _file(data, name)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(file):
            yield
    finally:
        file.unlink(missing_ok=True)


def is_alive(data: Path, name: str) -> bool:
    """Return whether a process holds a lock; remove what a killed one has left."""
    file = _file(data, name)
    if not file.exists():
        return False
    try:
        with FileLock(file, timeout_s=0):
            file.unlink(missing_ok=True)
    except LockTimeoutError:
        return True
    return False


def _file(data: Path, name: str) -> Path:
    return data / "locks" / "runs" / f"{name}.lock"
