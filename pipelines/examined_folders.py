"""Data folders that were found whole: a query need not look at them again until a file changes.

Whether all responses are in the tables, and no file is missing or damaged, is found with the
modules of all datasets, which takes four times as long as a small query. What was found is kept in
the user's folder for caches, as a digest of the names, sizes and times of the data folder's files
and of givlake's own: nothing is written into the data folder, and without such a folder every query
looks again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PACKAGES = ("assets", "givenergy", "pipelines", "warehouse")
# Besides these a data folder has locks, temporary files, the request budget and Dagster's files.
_FOLDERS = ("archive", "index", "owner", "tables")
_NOT_CODE = "__pycache__"


def state_of(folder: Path) -> str:
    """Return a digest that differs when a file of a data folder, or of givlake, has changed.

    Raises:
        OSError: A folder cannot be listed.
    """
    digest = hashlib.sha256(str(folder).encode())
    code = Path(__file__).parents[1]
    for root in (*(code / name for name in _PACKAGES), *(folder / name for name in _FOLDERS)):
        for line in _files_below(root):
            digest.update(line)
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_file():
            digest.update(_described(entry))
    return digest.hexdigest()


def is_known_whole(folder: Path, state: str) -> bool:
    """Return whether a folder was found whole in this state."""
    with suppress(OSError):
        return _note_of(folder).read_text() == state
    return False


def remember_whole(folder: Path, state: str) -> None:
    """Note that a folder was found whole in a state that was taken before it was examined."""
    note = _note_of(folder)
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A note that is cut short equals no state.
        note.write_text(state)


def _note_of(folder: Path) -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]
    return Path(caches).expanduser() / "givlake" / "whole" / name


def _files_below(folder: Path) -> Iterator[bytes]:
    if not folder.is_dir():
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir():
            if entry.name != _NOT_CODE:
                yield from _files_below(Path(entry.path))
        else:
            yield _described(entry)


def _described(entry: os.DirEntry[str]) -> bytes:
    stat = entry.stat()
    name = os.fsencode(entry.path)
    # The time of change also shows what an edit with a restored time of modification did.
    return b"%b %d %d %d %d\n" % (
        name,
        stat.st_ino,
        stat.st_size,
        stat.st_mtime_ns,
        stat.st_ctime_ns,
    )
