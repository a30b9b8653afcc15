"""The target of an export: written under a temporary name and renamed when complete.

Nothing but an earlier export is ever replaced.
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
    """Yield a folder to write an export to; rename it to `target` when it is complete.

    Args:
        lake: The data folder, which must not be in the target or contain it.
        target: The path of the export.
        overwrite: Whether to replace an earlier export there.

    Raises:
        StoreError: `target` contains something else, or the disk is full or not writable.
    """
    target = target.expanduser().absolute()
    _refuse_data_folder(lake, target)
    if target.exists() or target.is_symlink():
        _refuse_foreign(target, overwrite)
    with explained("Exporting to", target):
        folder = _temporary_folder(target)
        try:
            yield folder
            _seal(folder)
            _replace_target(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_file(lake: Lake, target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a path to write a single-file export to; rename it to `target` when it is complete.

    The checksum is written to `<target>.sha256`. Args and errors are those of `new_folder`.
    """
    target = target.expanduser().absolute()
    checksum = target.with_name(f"{target.name}.sha256")
    _refuse_data_folder(lake, target)
    if target.is_dir() or (target.exists() and not (overwrite and checksum.is_file())):
        raise StoreError(_refusal(target, overwrite))
    with explained("Exporting to", target):
        folder = _temporary_folder(target)
        try:
            yield folder / target.name
            sums = folder / checksum.name
            sums.write_text(f"{sha256_of(folder / target.name)}  {target.name}\n")
            for path in (folder / target.name, sums):
                path.chmod(0o600)
                fsync_file(path)
            # The checksum last: between the renames the new file fails the check of the old
            # checksum, but a wrong file never passes.
            (folder / target.name).replace(target)
            sums.replace(checksum)
            fsync_folder(target.parent)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _temporary_folder(target: Path) -> Path:
    """Create a hidden folder next to the target."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreError(
            f"the export cannot go to {target}: {error.filename} is no folder; choose another path"
        ) from error
    return Path(tempfile.mkdtemp(prefix=f".{target.name}.unfinished-", dir=target.parent))


def write_checksums(folder: Path, lines: Iterable[tuple[str, str]]) -> None:
    """Write `SHA256SUMS`, for `sha256sum -c`, from digests and names."""
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
            f"the export cannot go to {target}, which is, contains or is in the data folder "
            f"{lake.folder}: choose another path"
        )


def _refuse_foreign(target: Path, overwrite: bool) -> None:
    is_export = overwrite and (target / CHECKSUMS).is_file()
    if not (
        target.is_dir() and not target.is_symlink() and (is_export or not any(target.iterdir()))
    ):
        raise StoreError(_refusal(target, overwrite))


def _refusal(target: Path, overwrite: bool) -> str:
    if overwrite:
        return f"{target} exists and is not an export of givlake: choose another path"
    return (
        f"{target} is not empty: choose another path, or replace the export there with --overwrite"
    )


def _seal(folder: Path) -> None:
    """Flush an export to disk and make it readable by its owner only."""
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o700)
        for name in names:
            path = Path(parent, name)
            path.chmod(0o600)
            fsync_file(path)
        fsync_folder(Path(parent))


def _replace_target(folder: Path, target: Path) -> None:
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
