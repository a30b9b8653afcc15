"""Where an export goes: written under another name, renamed when it is whole, never over others'.

What is in it does not belong here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import StoreError
from warehouse.lake import Lake
from warehouse.storage.atomic_files import explained, fsync_file, fsync_folder, sha256_of

CHECKSUMS = "SHA256SUMS"


@contextmanager
def new_folder(lake: Lake, target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a folder to write an export into; it becomes ``target`` when it is complete.

    Args:
        lake: The data folder, in or above which nothing is exported to.
        target: Where the export shall be.
        overwrite: Whether to replace an earlier export there.

    Raises:
        StoreError: ``target`` holds something else, or the disk is full or not writable.
    """
    target = target.expanduser().absolute()
    _refuse_data_folder(lake, target)
    if target.exists() or target.is_symlink():
        _refuse_others(target, overwrite)
    with explained("Exporting to", target):
        folder = _unfinished(target)
        try:
            yield folder
            _seal(folder)
            _put_in_place(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_file(lake: Lake, target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a path to write an export of one file to; ``target`` appears when it is complete.

    Beside it stands its checksum, as ``<target>.sha256``. Args and errors are those of
    :func:`new_folder`.
    """
    target = target.expanduser().absolute()
    beside = target.with_name(f"{target.name}.sha256")
    _refuse_data_folder(lake, target)
    if target.is_dir() or (target.exists() and not (overwrite and beside.is_file())):
        raise StoreError(_refusal(target, overwrite))
    with explained("Exporting to", target):
        folder = _unfinished(target)
        try:
            yield folder / target.name
            sums = folder / beside.name
            sums.write_text(f"{sha256_of(folder / target.name)}  {target.name}\n")
            for path in (folder / target.name, sums):
                path.chmod(0o600)
                fsync_file(path)
            # Between the two renames the checksum is the old one's, never the other way round
            # with a file that looks proven and is not.
            (folder / target.name).replace(target)
            sums.replace(beside)
            fsync_folder(target.parent)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _unfinished(target: Path) -> Path:
    """Make a hidden folder beside the target."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreError(
            f"the export cannot go to {target}: {error.filename} is no folder; choose another place"
        ) from error
    return Path(tempfile.mkdtemp(prefix=f".{target.name}.unfinished-", dir=target.parent))


def write_checksums(folder: Path, lines: Iterable[tuple[str, str]]) -> None:
    """Write ``SHA256SUMS`` from digests and names; ``sha256sum -c`` reads it."""
    text = "".join(f"{digest}  {name}\n" for digest, name in lines)
    (folder / CHECKSUMS).write_text(text, encoding="utf-8")


def _refuse_data_folder(lake: Lake, target: Path) -> None:
    resolved = target.resolve()
    if (
        lake.folder == resolved
        or lake.folder in resolved.parents
        or resolved in lake.folder.parents
    ):
        raise StoreError(
            f"the export cannot go to {target}, which is, holds or lies in the data folder "
            f"{lake.folder}: choose another place"
        )


def _refuse_others(target: Path, overwrite: bool) -> None:
    ours = overwrite and (target / CHECKSUMS).is_file()
    if not (target.is_dir() and not target.is_symlink() and (ours or not any(target.iterdir()))):
        raise StoreError(_refusal(target, overwrite))


def _refusal(target: Path, overwrite: bool) -> str:
    if overwrite:
        return f"{target} is there and is no export of givlake: choose another place"
    return (
        f"{target} is not empty: choose another place, or replace the export there with --overwrite"
    )


def _seal(folder: Path) -> None:
    """Make an export durable and its owner's only."""
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o700)
        for name in names:
            path = Path(parent, name)
            path.chmod(0o600)
            fsync_file(path)
        fsync_folder(Path(parent))


def _put_in_place(folder: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.replaced-{uuid.uuid4().hex[:8]}")
    if target.exists():
        target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    fsync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)
