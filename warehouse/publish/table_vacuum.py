"""Removal of files that a published table no longer consists of."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.publish import delta_log
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.published_part import ACCOUNT, PublishedTable

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyarrow.fs import FileInfo, FileSystem

_LOG = "_delta_log"
# No publication of a table takes longer.
_UNCOMMITTED_H = 24
_VERSION = re.compile(r"_delta_log/(\d{20})\.")


def vacuum_table(
    target: DeltaTarget, table: PublishedTable, account: str, retention_h: float
) -> int:
    """Remove files that were replaced long enough ago, and those that a killed publication left.

    Readers of an old version need replaced files until then. Files that no commit names can be of
    a publication that is under way: they stay for a day at least, and those of others for good.

    Args:
        target: Where the table is.
        table: The table, which has had a commit.
        account: Whose files that no commit names are removed.
        retention_h: For how many hours replaced files stay.

    Returns:
        The number of files.
    """
    held, files = target.open(table.name), target.files(table.name)
    if held is None:
        return 0
    expired = _replaced(held, retention_h)
    known = _replaced(held, 0) | {file.path for file in delta_log.files_of(held)}
    before_s = time.time() - max(retention_h, _UNCOMMITTED_H) * 3600
    folder = "" if table.is_shared else f"{ACCOUNT}={account}"
    listed = {each.path: each for each in _listed(files, folder, recursive=not table.is_shared)}
    old = [
        path
        for path, each in listed.items()
        if path in expired or (path not in known and (each.mtime_ns or 0) / 1e9 < before_s)
    ]
    # Of other accounts too: one that has another name now never publishes under its old one.
    others = sorted(expired - listed.keys())
    old += [each.path for each in files.get_file_info(others) if each.is_file]
    # Removed here, since Delta's own removal adds two commits to the log.
    return _delete(files, old)


def _replaced(held: DeltaTable, retention_h: float) -> set[str]:
    """Return the files that the log names as removed, for some hours at least."""
    return set(
        held.vacuum(
            retention_hours=int(retention_h), dry_run=True, enforce_retention_duration=False
        )
    )


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


def sizes_of(files: FileSystem, folder: str) -> dict[str, int]:
    """Return the sizes of the files that are there: in a folder and below, or in the table's own.

    Args:
        files: The table's folder in the target.
        folder: The folder; "" for the table's.
    """
    return {each.path: each.size for each in _listed(files, folder, recursive=bool(folder))}


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
    return (found.path for found in _listed(files, folder))


def _listed(files: FileSystem, folder: str, *, recursive: bool = True) -> Iterator[FileInfo]:
    from pyarrow.fs import FileSelector

    selector = FileSelector(folder, recursive=recursive, allow_not_found=True)
    return (found for found in files.get_file_info(selector) if found.is_file)


def _version(path: str) -> int:
    """Return the version that a file of the log is of; a very large number if of none."""
    match = _VERSION.match(path)
    return int(match[1]) if match else 10**20
