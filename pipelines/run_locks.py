"""Which runs of an account are alive, on whatever machine: each holds a lock in its data folder.

The kernel releases a lock when the process that holds it ends, so that a killed one can be told
from one at work. Dagster's state cannot tell them, and several machines may share it; the folder
moves with its account, whereas Dagster's own folder on a machine may not last.
"""

import uuid
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


def folder_name(data: Path) -> str:
    """Return the name of a data folder, which no other has; the first call gives it.

    Args:
        data: The data folder; its name moves with it.
    """
    file = _file(data, "name").with_suffix("")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(file.with_suffix(".lock")):
        if not file.exists():
            new = file.with_suffix(".new")
            new.write_text(uuid.uuid4().hex[:12])
            new.replace(file)
        return file.read_text()


def _file(data: Path, name: str) -> Path:
    return data / "locks" / "runs" / f"{name}.lock"
