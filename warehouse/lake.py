"""The data folder: creating it and checking that it can be used safely."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from warehouse.archive import Archive
from warehouse.attached_database import close_unused
from warehouse.catalogue_location import unusable_characters
from warehouse.errors import StoreError
from warehouse.storage import live_parquet
from warehouse.storage.arrow_fields import arrow_field
from warehouse.storage.atomic_files import (
    Scratch,
    explained,
    fsync_file,
    publish,
    sweep,
)
from warehouse.storage.filesystems import network_type
from warehouse.storage.layout import STATE_FILE, stamp, upgrade
from warehouse.storage.ownership import give_to_owner, make_folder
from warehouse.storage.parquet_files import empty_table, read_as
from warehouse.storage.state_file import StateFile
from warehouse.storage.transaction import FileSet

_FOLDERS = (
    "archive/segments",
    "archive/packs",
    "archive/damaged",
    "tables",
    "index/manifests",
    "locks",
    "staging",
    "tmp",
)
EXPECTED_FILE = "expected_days.parquet"
_BUILD = "build-"
EXPECTED_SCHEMA = pa.schema(
    [
        arrow_field("dataset", pa.string(), "Dataset").with_nullable(False),
        arrow_field("device_id", pa.string(), "Device").with_nullable(False),
        arrow_field("first_date", pa.date32(), "First day that is expected").with_nullable(False),
        arrow_field("last_date", pa.date32(), "Last day that is expected; null: still"),
        arrow_field("zone", pa.string(), "IANA name of the time zone of its days"),
        arrow_field(
            "last_contact_at",
            pa.timestamp("us", tz="UTC"),
            "When the device was last in contact with the API (UTC)",
        ),
    ]
)


class Lake:
    """One data folder with its three stores. Safe to open from many processes at once."""

    def __init__(self, folder: Path | str, *, archive: Archive | None = None) -> None:
        """Open `folder`, creating it (readable by its owner only) if it does not exist.

        Args:
            folder: The data folder.
            archive: Another folder's archive to derive everything from, to compare the two.

        Raises:
            StoreError: It cannot be written, has a name that DuckDB cannot open, or is on a
                network file system or one without working file locks.
            VersionError: A newer givlake has written it.
        """
        self.folder = resolved(folder)
        with explained("Opening the data folder", self.folder):
            refuse_network(self.folder)
            if not self.folder.exists():
                make_folder(self.folder)
            upgrade(self.folder)
            for name in _FOLDERS:
                (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
            sweep(self.folder / "tmp")
            self._scratch = Scratch(self.folder / "tmp")
            if not self._scratch.is_locked():
                self._scratch.close()
                raise StoreError(
                    f"the data folder {self.folder} is on a file system without working file "
                    "locks: choose a folder on a local disk"
                )
            stamp(self.folder, self.scratch)
            self.state = StateFile(
                self.folder / STATE_FILE, self.folder / "locks" / "state", self.scratch
            )
        if archive is not None:
            self.__dict__["archive"] = archive  # where the cached property would put its own

    @property
    def scratch(self) -> Path:
        """A folder for this process' temporary files, on the disk of the stores."""
        return self._scratch.folder

    @cached_property
    def archive(self) -> Archive:
        """The archive of this folder."""
        archive = Archive(self.folder / "archive", self.folder / "locks", self.scratch)
        archive.recover_sequences()
        return archive

    def file_set(self, name: str) -> FileSet:
        """Return the file set with this name; indexes need not survive a power cut."""
        return FileSet(self.folder, name, durable=name.startswith(_BUILD))

    def writable_index(self, name: str) -> FileSet:
        """Return the file set of an index, to bring it up to date."""
        return self.file_set(name)

    def own_views(self) -> Sequence[str] | None:
        """Return the SQL of the views to query by; None for those of the published catalogue."""
        return None

    def expect(self, expected: pa.Table, *, keep_old: bool = True) -> None:
        """Store which days are expected of which device, replacing the stored table.

        Args:
            expected: Dataset, device_id, first_date, last_date (null: still running), zone (IANA;
                null: UTC), last_contact_at (UTC; null: not known).
            keep_old: Whether to keep the old data for readers that have the file open.

        Raises:
            StoreError: A column is missing or of another type.
        """
        try:
            rows = expected.select(EXPECTED_SCHEMA.names).cast(EXPECTED_SCHEMA)
        except (KeyError, ValueError, pa.ArrowException) as error:
            raise StoreError(f"the table of expected days cannot be stored: {error}") from error
        temporary = self.scratch / uuid.uuid4().hex
        with explained("Writing the expected days into", self.folder):
            target = self.folder / EXPECTED_FILE
            live_parquet.write(temporary, rows.schema, lambda: [rows], target if keep_old else None)
            fsync_file(temporary)
            publish(temporary, target)

    def expected(self) -> pa.Table:
        """Return the table that `expect` stored; without rows if there is none."""
        try:
            return read_as(self.folder / EXPECTED_FILE, EXPECTED_SCHEMA)
        except FileNotFoundError:
            return empty_table(EXPECTED_SCHEMA)

    def close(self) -> None:
        """Flush the archive, close the catalogue, and remove this process' temporary files."""
        if "archive" in self.__dict__:
            self.archive.close()
        close_unused(self.folder)
        self._scratch.close()
        give_to_owner(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def resolved(folder: Path | str) -> Path:
    """Return the path of a data folder without links.

    Raises:
        StoreError: It has a name that DuckDB cannot open.
    """
    path = Path(folder).expanduser().resolve()
    if (found := unusable_characters(path)) is not None:
        raise StoreError(
            f"the data folder {path} has {found} in its name, which DuckDB cannot "
            "open: choose another name"
        )
    return path


def file_set_name(dataset: str) -> str:
    """Return the name of the file set (and lock) of a dataset's tables."""
    return f"{_BUILD}{dataset}"


def refuse_network(folder: Path) -> None:
    """Refuse a data folder on a network file system.

    Raises:
        StoreError: It is on one.
    """
    if kind := network_type(_existing(folder)):
        raise StoreError(
            f"the data folder {folder} is on a network file system ({kind}), whose "
            "locks do not work between machines: choose a folder on a local disk"
        )


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
