"""The target of an export: written under a temporary name and renamed when complete.

Nothing but an earlier export is ever replaced.
"""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from warehouse.errors import StoreError
from warehouse.lake import Lake
from warehouse.storage.atomic_files import (
    Scratch,
    explained,
    fsync_file,
    fsync_folder,
    sha256_of,
    sweep,
)

CHECKSUMS = "SHA256SUMS"
# Every export has one of these files, which begins so: tables, response bodies, Home Assistant.
_BEGINNINGS = {
    "manifest.json": b'{\n "givlake_manifest"',
    "responses.csv": b"file,response_id,dataset,device_id,",
    "energy-dashboard.md": b"# Statistics for Home Assistant\n",
}


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
    with explained("Exporting to", target):
        if target.exists() or target.is_symlink():
            _refuse_foreign(target, overwrite)
        with _unfinished(target) as folder:
            yield folder
            _seal(folder)
            _replace_target(folder, target)


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
    with explained("Exporting to", target), _unfinished(target) as folder:
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


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Yield a new folder in a hidden one next to the target; remove what is left of it afterwards.

    What killed exports to the same target left is removed too.
    """
    missing = [parent for parent in target.parents if not parent.exists()]
    hidden = target.with_name(f".{target.name}.unfinished")
    try:
        _create_parents(target)
        scratch = _scratch(hidden)
        try:
            if scratch.is_locked():
                sweep(hidden)
            yield scratch.folder
        finally:
            scratch.close()
    finally:
        # Only those that are empty go.
        for folder in (hidden, *missing):
            with suppress(OSError):
                folder.rmdir()


def _create_parents(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreError(
            f"the export cannot go to {target}: {error.filename} is no folder; choose another path"
        ) from error


def _scratch(hidden: Path) -> Scratch:
    while True:
        # Another export to the same target may end at any time, and remove the hidden folder.
        with suppress(FileNotFoundError):
            if not _create(hidden):
                found = hidden.lstat()
                # Its owner could replace what is written in it.
                if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                    raise StoreError(
                        f"{hidden}, where the export would be written first, is not a folder of"
                        " yours: remove it, or choose another path"
                    )
            return Scratch(hidden)


def _create(folder: Path) -> bool:
    """Create a folder; return whether it was not there."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return False
    except FileNotFoundError as error:
        raise StoreError(
            f"{folder.parent} was removed during the export: choose another path"
        ) from error
    return True


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
    if not target.is_dir() or target.is_symlink():
        raise StoreError(_refusal(target, overwrite))
    if not any(target.iterdir()):
        return
    if not overwrite or not _begins_like_export(target):
        raise StoreError(_refusal(target, overwrite))
    lines = (target / CHECKSUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    known = {CHECKSUMS, *(line.partition("  ")[2] for line in lines)}
    for parent, _, names in os.walk(target):
        for name in names:
            path = Path(parent, name).relative_to(target).as_posix()
            if path not in known:
                raise StoreError(
                    f"{target} holds {path}, which givlake did not export there: move it away, or"
                    " choose another path"
                )


def _begins_like_export(target: Path) -> bool:
    """Return whether a folder has checksums, and one of the files that only exports have."""
    if not (target / CHECKSUMS).is_file():
        return False
    for name, beginning in _BEGINNINGS.items():
        if (target / name).is_file():
            with (target / name).open("rb") as file:
                if file.read(len(beginning)) == beginning:
                    return True
    return False


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
