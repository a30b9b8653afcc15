"""What the owner tells, since no API knows it: roles of devices, and tariffs.

Each is one Parquet file in `owner/`, which is read whole and replaced whole. They cannot be
restored from the archive, so nothing replaces a file that exists except what the owner asks for.
Prices are the exception: they follow from `tariffs` and the copies of the files that were loaded.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.errors import DamagedError
from warehouse.lake import Lake
from warehouse.storage import live_parquet
from warehouse.storage.arrow_fields import arrow_field
from warehouse.storage.atomic_files import (
    explained,
    fsync_file,
    publish,
)
from warehouse.storage.file_locks import FileLock
from warehouse.storage.parquet_files import empty_table, read_as

FOLDER = "owner"
TARIFF_FILES = f"{FOLDER}/tariff_files"
ROLES = ("whole_site", "grid_meter", "member", "ignored")
DIRECTIONS = ("import", "export", "both", "standing_charge")
_MOMENT = pa.timestamp("us", tz="UTC")

SCHEMAS = {
    "device_roles_set": pa.schema(
        [
            arrow_field("device_id", pa.string(), "Serial number or UUID of the device"),
            arrow_field(
                "role",
                pa.string(),
                "What the device counts for: whole_site (its figures are those of the whole site,"
                " as of a Gateway), grid_meter (counted, and its import and export are the site's),"
                " member (its solar and battery are added, its grid is not) or ignored",
            ),
            arrow_field("set_at", _MOMENT, "When the owner set it (UTC)"),
        ]
    ),
    "tariffs": pa.schema(
        [
            arrow_field("tariff", pa.string(), "Name of the tariff"),
            arrow_field("version", pa.int32(), "Number of the load, from 1 for each tariff"),
            arrow_field(
                "direction",
                pa.string(),
                "What the file has prices of: import, export, both or standing_charge",
            ),
            arrow_field("currency", pa.string(), "ISO code of the currency; prices are in pence"),
            arrow_field("timezone", pa.string(), "IANA name of the zone of its dates"),
            arrow_field("clock", pa.string(), "Clock of the times of its rules: local or utc"),
            arrow_field("format", pa.string(), "Format of the file: toml, octopus or csv"),
            arrow_field("file_name", pa.string(), "Name of the file"),
            arrow_field("file_sha256", pa.string(), "SHA-256 of the file as hex"),
            arrow_field("loaded_at", _MOMENT, "When it was loaded (UTC)"),
            arrow_field("first_start_at", _MOMENT, "Start of its first price (UTC)"),
            arrow_field("end_at", _MOMENT, "End of its last price (UTC); null: still"),
            arrow_field(
                "is_current", pa.bool_(), "Whether prices come from this load: no newer one has all"
            ),
        ]
    ),
    "tariff_prices": pa.schema(
        [
            arrow_field("tariff", pa.string(), "Name of the tariff"),
            arrow_field("start_at", _MOMENT, "Start of the half hour (UTC)"),
            arrow_field(
                "import_pence",
                pa.float64(),
                "Price of energy from the grid (pence per kWh); null: none; may be negative",
            ),
            arrow_field(
                "export_pence",
                pa.float64(),
                "Price of energy to the grid (pence per kWh); null: none; may be negative",
            ),
        ]
    ),
    "tariff_standing_charges": pa.schema(
        [
            arrow_field("tariff", pa.string(), "Name of the tariff"),
            arrow_field("local_date", pa.date32(), "Date in the zone of the tariff"),
            arrow_field(
                "standing_charge_pence", pa.float64(), "Charge of the day for one import meter"
            ),
        ]
    ),
    "tariffs_in_force": pa.schema(
        [
            arrow_field("tariff", pa.string(), "Name of the tariff"),
            arrow_field("from_date", pa.date32(), "First local date on which it applied"),
            arrow_field(
                "to_date", pa.date32(), "First local date on which it no longer did; null: still"
            ),
        ]
    ),
}
DESCRIPTIONS = {
    "device_roles_set": "What each device counts for in figures of its site, as the owner has set"
    " it with givlake roles; one row per device.",
    "tariffs": "Files of tariffs that the owner has loaded; one row per load. The newest load with"
    " prices of a direction wins.",
    "tariff_prices": "Prices of each tariff by half hour, from the current loads; those without an"
    " end reach at most two years ahead. One row per tariff and half hour.",
    "tariff_standing_charges": "Standing charge of each tariff by local date, per import meter.",
    "tariffs_in_force": "Which tariff applied from when, as the owner has said with givlake tariffs"
    " use. The ranges are half open and do not overlap.",
}
KEYS = {
    "device_roles_set": ("device_id",),
    "tariffs": ("tariff", "version"),
    "tariff_prices": ("tariff", "start_at"),
    "tariff_standing_charges": ("tariff", "local_date"),
    "tariffs_in_force": ("from_date",),
}
# Prices can be expanded again from the loaded files.
EXPANDED = ("tariff_prices", "tariff_standing_charges")
# Half hours and days follow each other: in a dictionary they take many times the space.
_ENCODINGS: dict[str, dict[str, Any]] = {
    "tariff_prices": {
        "use_dictionary": ["tariff", "import_pence", "export_pence"],
        "column_encoding": {"start_at": "DELTA_BINARY_PACKED"},
    },
    "tariff_standing_charges": {
        "use_dictionary": ["tariff", "standing_charge_pence"],
        "column_encoding": {"local_date": "DELTA_BINARY_PACKED"},
    },
}


def file_name(name: str) -> str:
    """Return the file of an input, below the data folder."""
    return f"{FOLDER}/{name}.parquet"


def read(folder: Path, name: str) -> pa.Table:
    """Return an input; without rows if the owner has told nothing.

    Args:
        folder: The data folder.
        name: A name in `SCHEMAS`.

    Raises:
        DamagedError: The content of the file is not what was written.
        OSError: The operating system cannot read it, which says nothing about its content.
        StoreError: The same, for a known reason, such as that this user may not read it.
    """
    path, schema = folder / file_name(name), SCHEMAS[name]
    with explained("Reading", path):
        try:
            return read_as(path, schema)
        except FileNotFoundError:
            return empty_table(schema)
        except (OSError, pa.ArrowException) as error:
            # Arrow's errors of the content have no number, also those that are OSErrors.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise DamagedError(_damage(name)) from error


def fits(folder: Path, name: str) -> bool:
    """Return whether the file of an input is there, whole and with all columns.

    Raises:
        StoreError: This user may not read it.
    """
    try:
        read(folder, name)
        return bool(pq.read_schema(folder / file_name(name)).equals(SCHEMAS[name]))
    except (DamagedError, OSError, pa.ArrowException):
        return False


def write(
    lake: Lake,
    name: str,
    parts: Iterable[pa.Table] | pa.Table,
    *,
    facts: Mapping[bytes, bytes] | None = None,
    keep_old: bool = True,
) -> None:
    """Replace an input. Callers hold `lock`, from when they read what they change.

    Args:
        lake: The data folder.
        name: A name in `SCHEMAS`.
        parts: The rows; several tables become a row group each.
        facts: What to store in the metadata of the file.
        keep_old: Whether to keep the old data for readers that have the file open.

    Raises:
        StoreError: The disk is full or not writable.
    """
    tables = [parts] if isinstance(parts, pa.Table) else list(parts)
    schema, target = SCHEMAS[name], lake.folder / file_name(name)
    rows = [table.select(schema.names).cast(schema) for table in tables]
    temporary = lake.scratch / uuid.uuid4().hex
    with explained("Writing", target):
        target.parent.mkdir(mode=0o700, exist_ok=True)
        live_parquet.write(
            temporary,
            schema.with_metadata(dict(facts or {})),
            lambda: rows,
            target if keep_old else None,
            compression="zstd",
            write_page_checksum=True,
            **_ENCODINGS.get(name, {}),
        )
        fsync_file(temporary)
        publish(temporary, target)


@contextmanager
def lock(lake: Lake) -> Iterator[None]:
    """Hold the lock of all inputs, which processes that change them take one after another."""
    with explained("Locking", lake.folder), FileLock(lake.folder / "locks" / FOLDER):
        yield


def forget_roles(lake: Lake, device_ids: Collection[str]) -> None:
    """Remove the roles of devices, and the old data that may name them.

    Raises:
        DamagedError: The file cannot be read.
        StoreError: The disk is full or not writable.
    """
    name = "device_roles_set"
    if not (lake.folder / file_name(name)).exists():
        return
    with lock(lake):
        roles = read(lake.folder, name)
        is_named = pc.is_in(roles["device_id"], pa.array(sorted(device_ids), pa.string()))
        write(lake, name, roles.filter(pc.invert(is_named)), keep_old=False)


def tariff_file(folder: Path, tariff: str, version: int, file: str) -> Path:
    """Return where the copy of a loaded file is."""
    return folder / TARIFF_FILES / tariff / f"{version}-{file}"


def options_file(folder: Path, tariff: str, version: int) -> Path:
    """Return where the options are that a file was loaded with."""
    return folder / TARIFF_FILES / tariff / f"{version}.options.json"


def _damage(name: str) -> str:
    if name in EXPANDED:
        return f"{file_name(name)} is damaged: `givlake build` expands the prices again"
    return (
        f"{file_name(name)} is damaged and has what only you know: restore it from a copy, or "
        "enter it again after `givlake build`, which replaces it by an empty file and keeps it"
    )
