"""Removal of files that a published table no longer consists of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.publish import delta_log
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.published_part import ACCOUNT

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyarrow.fs import FileSystem

_LOG = "_delta_log"
_VERSION = re.compile(r"_delta_log/(\d{20})\.")


def vacuum_table(target: DeltaTarget, name: str, retention_h: float) -> int:
    """Remove files that were replaced, or left by a killed publication, long enough ago.

    Readers of an old version, and publications that are under way, need them until then.

    Args:
        target: Where the table is.
        name: The table.
        retention_h: For how many hours they stay.

    Returns:
        The number of files.
    """
    table = target.open(name)
    if table is None:
        return 0
    old = table.vacuum(
        retention_hours=int(retention_h),
        dry_run=True,
        enforce_retention_duration=False,
        full=True,
    )
    # Removed here, since Delta's own removal adds two commits to the log.
    return _delete(target.files(name), old)


def purge_table(target: DeltaTarget, name: str, accounts: Collection[str]) -> int:
    """Remove all that the present state does not need: old files of accounts, and the old log.

    The log has ranges of serial numbers for each file that a table ever consisted of, so it
    begins anew. Files of other accounts stay, as their publication may be under way.

    Args:
        target: Where the table is.
        name: The table.
        accounts: The names of the account whose files are removed.

    Returns:
        The number of objects.
    """
    table, files = target.open(name), target.files(name)
    # Without a table, files of a publication that was killed before its first commit are left.
    first = 0 if table is None else _new_log(table)
    current = {file.path for file in delta_log.files_of(table)}
    old = [
        *(path for path in _below(files, _LOG) if _version(path) < first),
        *(
            path
            for account in accounts
            for path in _below(files, f"{ACCOUNT}={account}")
            if path not in current
        ),
    ]
    removed = _delete(files, old)
    if target.folder is not None:
        for account in accounts:
            _remove_empty(target.folder / name / f"{ACCOUNT}={account}")
        with suppress(OSError):
            (target.folder / name).rmdir()
    return removed


def _new_log(table: DeltaTable) -> int:
    """Write a checkpoint without entries of removed files; return the version that it is of."""
    delta_log.set_retention(table, is_none=True)
    table.create_checkpoint()
    first = table.version()
    # Before anything is removed, which takes a while and can be killed.
    delta_log.set_retention(table, is_none=False)
    return first


def _delete(files: FileSystem, paths: Iterable[str]) -> int:
    """Delete files; return how many were there."""
    removed = 0
    for path in paths:
        # The log names removed files for a while after they are gone.
        with suppress(FileNotFoundError):
            files.delete_file(path)
            removed += 1
    return removed


def _remove_empty(folder: Path) -> None:
    """Remove folders without files: object stores have none."""
    for path in sorted((p for p in (folder, *folder.rglob("*")) if p.is_dir()), reverse=True):
        with suppress(OSError):
            path.rmdir()


def _below(files: FileSystem, folder: str) -> Iterator[str]:
    from pyarrow.fs import FileSelector, FileType

    for found in files.get_file_info(FileSelector(folder, recursive=True, allow_not_found=True)):
        if found.type == FileType.File:
            yield found.path


def _version(path: str) -> int:
    """Return the version that a file of the log is of; a very large number if of none."""
    match = _VERSION.match(path)
    return int(match[1]) if match else 10**20
