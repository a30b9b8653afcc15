"""Damage of what the owner told: it is found, set aside, reported, and erased."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from warehouse.errors import DamagedError
from warehouse.lake import Lake
from warehouse.owner_inputs import (
    EXPANDED,
    FOLDER,
    SCHEMAS,
    file_name,
    fits,
    lock,
    read,
    tariff_file,
    write,
)
from warehouse.storage.atomic_files import explained, sha256_of
from warehouse.storage.parquet_files import empty_table

# Then the time (UTC), so that a later damage does not replace the copy of an earlier one.
_KEPT_SUFFIX = ".damaged"
_LOG = logging.getLogger(__name__)


def recast(lake: Lake, name: str) -> None:
    """Give a file that an older givlake wrote the columns that were added since.

    A damaged file is kept beside an empty one, so that it does not stop what has nothing to do
    with it; prices are not kept, since they are expanded again.

    Args:
        lake: The data folder.
        name: A name in `owner_inputs.SCHEMAS`.

    Raises:
        OSError: The operating system cannot read the file, which says nothing about its content.
        StoreError: The disk is full or not writable.
    """
    with lock(lake):
        if fits(lake.folder, name):
            return  # another process has written it meanwhile
        path = lake.folder / file_name(name)
        try:
            rows, is_damaged = read(lake.folder, name), False
        except DamagedError:
            what = f"{file_name(name)} was damaged"
            if name in EXPANDED:
                _LOG.warning("%s: the prices are expanded again", what)
            else:
                suffix = f"{_KEPT_SUFFIX}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
                kept = path.replace(path.with_suffix(suffix))
                _LOG.warning(
                    "%s and is kept as %s: restore it from a copy or enter it again; until then it"
                    " is empty",
                    what,
                    kept.relative_to(lake.folder),
                )
            rows, is_damaged = empty_table(SCHEMAS[name]), True
        write(lake, name, rows, keep_old=not is_damaged)


def damages(folder: Path) -> list[str]:
    """Return what is damaged among the inputs and the copies of loaded files, one message each."""
    messages = []
    for name in SCHEMAS:
        messages += [
            f"{kept.relative_to(folder)} is damaged and was replaced by an empty file: restore "
            f"{file_name(name)} from a copy or enter it again, then remove the damaged file"
            for kept in _kept_copies(folder, name)
        ]
        try:
            rows = read(folder, name)
        except DamagedError as error:
            messages.append(str(error))
            continue
        if name != "tariffs":
            continue
        for load in rows.to_pylist():
            if not load["is_current"]:
                continue  # Newer loads have all its prices.
            path = tariff_file(folder, load["tariff"], load["version"], load["file_name"])
            try:
                is_whole = sha256_of(path) == load["file_sha256"]
            except FileNotFoundError:
                is_whole = False
            if not is_whole:
                messages.append(
                    f"{path.relative_to(folder)} is missing or not the file that was loaded: "
                    "restore it from a copy, or load the tariff again"
                )
    return messages


def forget_damaged_roles(lake: Lake) -> None:
    """Remove damaged files of roles, which may name an erased device but cannot be read.

    Raises:
        StoreError: They cannot be removed.
    """
    with lock(lake):
        for kept in _kept_copies(lake.folder, "device_roles_set"):
            with explained("Removing", kept):
                kept.unlink()
            _LOG.warning("%s was removed, since it may name what is erased", kept.name)


def _kept_copies(folder: Path, name: str) -> list[Path]:
    return sorted((folder / FOLDER).glob(f"{name}{_KEPT_SUFFIX}*"))
