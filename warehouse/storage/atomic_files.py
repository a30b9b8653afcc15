"""Writing files so that nobody ever sees half of one. What is in them does not belong here."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.errors import LockTimeoutError, StoreError
from warehouse.storage.locks import FileLock

_REASONS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the largest allowed file size is reached: raise the limit",
    errno.EROFS: "the file system is read-only: mount it writable",
    errno.EACCES: "permission is denied: make the folder writable for this user",
    errno.EPERM: "permission is denied: make the folder writable for this user",
    errno.EXDEV: "it lies on another disk than the data folder: keep both on one",
}
_ORPHAN_AGE_S = 60.0
_HASH_CHUNK_BYTES = 1 << 20


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn the operating system's refusals while ``doing`` something at ``path`` into a sentence.

    Raises:
        StoreError: the disk is full, or the folder is read-only, not ours, or on another disk.
    """
    try:
        yield
    except (OSError, duckdb.Error) as error:
        reason = _REASONS.get(_errno(error) or 0)
        if reason is None:
            raise
        raise StoreError(
            f"{doing} {path} failed because {reason}, then run again; "
            "nothing that was stored is lost"
        ) from error


def _errno(error: Exception) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    # Arrow's errors carry the number in their text only, DuckDB's what it means.
    _, _, tail = str(error).rpartition("[errno ")
    number = tail.partition("]")[0]
    if number.isdigit():
        return int(number)
    return next((code for code in _REASONS if os.strerror(code) in str(error)), None)


def fsync_file(path: Path) -> None:
    """Make the content of ``path`` durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_folder(path: Path) -> None:
    """Make the names in ``path`` durable."""
    fsync_file(path)


def write_atomically(path: Path, content: bytes, scratch: Path, *, durable: bool = True) -> None:
    """Replace ``path`` by ``content``: readers see the old or the new whole, never a mixture.

    Args:
        path: The file to write.
        content: Its new bytes.
        scratch: A folder on the same file system, where the temporary file is written.
        durable: Whether to wait until it would survive a power cut.
    """
    fd, name = tempfile.mkstemp(dir=scratch)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        if durable:
            fsync_file(Path(name))
            publish(Path(name), path)
        else:
            Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def publish(temporary: Path, path: Path) -> None:
    """Give a complete, durable temporary file its name, replacing what had it."""
    temporary.replace(path)
    fsync_folder(path.parent)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


class Scratch:
    """A folder for one process' temporary files, swept by others once that process is dead.

    A process holds a lock on ``<name>.lock`` for as long as it lives. That, and not its pid, says
    whether it is alive: pids repeat, and differ between containers that share the folder.
    """

    def __init__(self, root: Path) -> None:
        """Make a scratch folder below ``root``."""
        self.folder = root / uuid.uuid4().hex
        # The lock comes first: a folder that a sweeper meets has either a living holder or none.
        self._lock = FileLock(self.folder.with_suffix(".lock"))
        self._lock.acquire()
        self.folder.mkdir(mode=0o700)

    def is_locked(self) -> bool:
        """Tell whether another process finds the lock held; it does not where locks do nothing."""
        try:
            with FileLock(self._lock.path, timeout_s=0.0):
                return False
        except LockTimeoutError:
            return True

    def close(self) -> None:
        """Remove the folder and its lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.path.unlink(missing_ok=True)
        self._lock.release()


def is_in_use(root: Path) -> bool:
    """Return whether a living process has a scratch folder below ``root``."""
    for path in root.glob("*.lock"):
        try:
            with FileLock(path, timeout_s=0.0):
                pass
        except LockTimeoutError:
            return True
    return False


def sweep(root: Path) -> int:
    """Remove scratch folders below ``root`` whose processes are dead; return how many."""
    swept = 0
    for path in root.glob("*.lock"):
        if not path.with_suffix("").exists() and not _is_old(path):
            continue  # its process is about to make the folder
        lock = FileLock(path, timeout_s=0.0)
        try:
            lock.acquire()
        except LockTimeoutError:
            continue
        shutil.rmtree(path.with_suffix(""), ignore_errors=True)
        path.unlink(missing_ok=True)
        lock.release()
        swept += 1
    return swept


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _ORPHAN_AGE_S
    except FileNotFoundError:
        return False
