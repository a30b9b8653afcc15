"""Atomic file writes, fsync, checksums, and temporary folders that are cleaned up after a crash."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.errors import LockTimeoutError, StoreError
from warehouse.storage.file_locks import FileLock
from warehouse.storage.ownership import permission_problem

_REASONS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the largest allowed file size is reached: raise the limit",
    errno.EIO: "the disk could not be read or written (input/output error): check it",
    errno.EROFS: "the file system is read-only: mount it writable",
    errno.EMFILE: "this process may open no more files: raise the limit (`ulimit -n`)",
    errno.EXDEV: "it is on another disk than the data folder: keep both on one disk",
}
_REFUSALS = frozenset({errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_QUOTED_PATH = re.compile(r"""["'](/[^"']+)["']""")
_ORPHAN_AGE_S = 60.0
_HASH_CHUNK_BYTES = 1 << 20


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Convert errors of the operating system into messages that say how to fix them.

    Args:
        doing: What the block does, as the beginning of the message, such as "Writing".
        path: The file or folder it does that to.

    Raises:
        StoreError: The disk is full, or the folder is read-only, not permitted, or on another disk.
    """
    try:
        yield
    except (OSError, duckdb.Error) as error:
        reason = reason_of(error, path)
        if reason is None:
            raise
        raise StoreError(
            f"{doing} {path} failed because {reason}, then run again; no stored data is lost"
        ) from error


def reason_of(error: Exception, path: Path) -> str | None:
    """Return why the operating system refuses a file, and what to do; None for other errors.

    Args:
        error: An error of Python, DuckDB or Arrow.
        path: The file or folder, if the error does not name it.
    """
    code = _errno(error) or 0
    if code in (errno.EACCES, errno.EPERM):
        return f"permission is denied: {permission_problem(_path_in(error) or path)}"
    return _REASONS.get(code)


def is_refused(error: Exception) -> bool:
    """Return whether the operating system refuses to open a file, which says nothing about it."""
    return isinstance(error, OSError) and error.errno in _REFUSALS


def _path_in(error: Exception) -> Path | None:
    """Return the absolute path that an error names."""
    names = [error.filename] if isinstance(error, OSError) and error.filename else []
    names += _QUOTED_PATH.findall(str(error))
    return next((Path(name) for name in names if isinstance(name, str) and name[:1] == "/"), None)


def _errno(error: Exception) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    # Arrow gives the error number in its text only, and DuckDB gives only its description.
    _, _, tail = str(error).rpartition("[errno ")
    number = tail.partition("]")[0]
    if number.isdigit():
        return int(number)
    known = (*_REASONS, errno.EACCES, errno.EPERM)
    return next((code for code in known if os.strerror(code) in str(error)), None)


def fsync_file(path: Path) -> None:
    """Flush the content of a file to disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_folder(path: Path) -> None:
    """Flush the names in a folder to disk."""
    fsync_file(path)


def write_atomically(path: Path, content: bytes, scratch: Path, *, durable: bool = True) -> None:
    """Replace a file: readers see all of the old or all of the new content, never a mixture.

    Args:
        path: The file to write.
        content: Its new bytes.
        scratch: A folder on the same file system, where the temporary file is written.
        durable: Whether to wait until the content survives a power cut.
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


def publish(temporary: Path, path: Path, *, durable: bool = True) -> None:
    """Rename a complete, durable temporary file to `path`, replacing any file there.

    Args:
        temporary: The file.
        path: Its place.
        durable: Whether to wait until that survives a power cut.
    """
    temporary.replace(path)
    if durable:
        fsync_folder(path.parent)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


class Scratch:
    """A folder for one process' temporary files, removed by others once that process is dead.

    A process holds a lock on `<name>.lock` while it is alive. Process IDs cannot show that: they
    are reused, and differ between containers that share the folder.
    """

    def __init__(self, root: Path) -> None:
        """Create a scratch folder below `root`."""
        self.folder = root / uuid.uuid4().hex
        # Lock first, so that `sweep` never removes the folder of a living process.
        self._lock = FileLock(self.folder.with_suffix(".lock"))
        self._lock.acquire()
        self.folder.mkdir(mode=0o700)

    def is_locked(self) -> bool:
        """Return whether the lock excludes others; it does not on file systems without locks."""
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
    """Return whether a living process has a scratch folder below `root`."""
    for path in root.glob("*.lock"):
        try:
            with FileLock(path, timeout_s=0.0):
                pass
        except LockTimeoutError:
            return True
    return False


def sweep(root: Path) -> int:
    """Remove scratch folders below `root` whose processes are dead; return their number."""
    swept = 0
    for path in root.glob("*.lock"):
        if not path.with_suffix("").exists() and not _is_old(path):
            continue  # its process is about to create the folder
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
