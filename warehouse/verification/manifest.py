"""The manifest of a data folder: a dated summary by table and device, with hashes of the rows.

`canonical_form` defines what is hashed. The manifests of file sets, which describe files, are
something else: see `warehouse.storage.transaction`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from warehouse.connection import connect, retrying
from warehouse.coverage import CoverageRule, refresh_coverage
from warehouse.errors import VersionError
from warehouse.index.watermarks import Pending, pending_responses
from warehouse.interface.decoder_protocol import Decoder, fingerprints
from warehouse.interface.device_limit import DeviceLimit
from warehouse.interface.table_spec import TableSpec
from warehouse.lake import Lake, file_set_name
from warehouse.tables.build import build
from warehouse.verification.canonical_form import (
    FORM,
    Days,
    Digest,
    TableDigest,
    canonical_columns,
    sorted_rows,
)

DaysByDevice = dict[tuple[str, str], dict[str, Any]]


@contextmanager
def locked_tables(lake: Lake, decoder: Decoder) -> Iterator[None]:
    """Hold the lock of a dataset's tables.

    Tables built by another version of their decoder may have other columns: they are rebuilt first,
    or refused if the folder was opened for reading. Archived responses that are not in the tables
    yet are not included.

    Raises:
        StoreError: The disk is full or not writable, or the tables are of another version.
    """
    file_set = lake.file_set(file_set_name(decoder.dataset))
    manifest = file_set.manifest()
    if manifest is not None and manifest.facts["fingerprints"] != fingerprints(decoder):
        if file_set.read_only:
            raise VersionError(
                f"the tables of {decoder.dataset} were built by another version of givlake: "
                f"run `givlake rebuild --dataset {decoder.dataset}`"
            )
        build(lake, decoder)
    with file_set.lock():
        yield


def make_manifest(
    lake: Lake,
    decoders: Sequence[Decoder],
    rules: Sequence[CoverageRule] = (),
    days: Days | None = None,
    devices: DeviceLimit | None = None,
) -> dict[str, Any]:
    """Summarise the content of the tables.

    Args:
        lake: The data folder, with a catalogue.
        decoders: Decoders of the datasets to summarise.
        rules: Coverage rules of the daily datasets.
        days: Only these days; None for all.
        devices: Only rows about these devices; None for all.

    Raises:
        StoreError: The disk is full or not writable.
    """
    days, devices = days or Days(), devices or DeviceLimit()
    states = days_by_state(lake, rules, days, devices)
    tables = {}
    pending = pending_responses(lake, [decoder.dataset for decoder in decoders])
    for decoder in decoders:
        with locked_tables(lake, decoder):
            for spec in decoder.tables:
                digest = TableDigest(spec)
                condition = devices.table_condition(spec.name)
                for rows in sorted_rows(lake, spec, days, condition):
                    digest.add(rows)
                tables[spec.name] = table_entry(decoder.dataset, spec, digest, states)
    return manifest_document(tables, days, pending, devices.device_ids)


def manifest_document(
    tables: dict[str, Any],
    days: Days,
    pending: Pending,
    device_ids: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return a manifest with a date, what it is limited to, pending responses and table entries."""
    return {
        "givlake_manifest": FORM,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "first_day": str(days.first) if days.first else None,
        "last_day": str(days.last) if days.last else None,
        "devices": None if device_ids is None else list(device_ids),
        "pending_responses": {dataset: devices.total() for dataset, devices in pending.items()},
        "tables": tables,
    }


def table_entry(
    dataset: str, spec: TableSpec, digest: TableDigest, states: DaysByDevice
) -> dict[str, Any]:
    """Return the entry of a table: its columns, and per device the days, rows and hash."""
    devices = {device for name, device in states if name == dataset and spec.device_column}
    digests = digest.by_device
    for device in devices - digests.keys():
        digests[device] = Digest()
    if spec.device_column is None and not digests:
        digests[None] = Digest()
    return {
        "dataset": dataset,
        "device_column": spec.device_column,
        "key": list(spec.row_key),
        "columns": {name: str(spec.schema.field(name).type) for name in canonical_columns(spec)},
        "devices": [
            {
                "device": device,
                "days": states.get((dataset, device or "")),
                "rows": rows.rows,
                "first": None if rows.first is None else str(rows.first),
                "last": None if rows.last is None else str(rows.last),
                "sha256": rows.sha256,
            }
            for device, rows in sorted(digests.items(), key=lambda item: item[0] or "")
        ],
    }


def days_by_state(
    lake: Lake, rules: Sequence[CoverageRule], days: Days, devices: DeviceLimit
) -> DaysByDevice:
    """Count the expected or requested days by dataset, device and state."""
    refresh_coverage(lake, rules)
    query = (
        "SELECT dataset, device_id, state, count(*), min(request_date), max(request_date)"
        f" FROM coverage WHERE {days.sql('request_date')} GROUP BY ALL ORDER BY ALL"
    )
    with connect(lake) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = retrying(lambda: connection.execute(query).fetchall())
    counts: DaysByDevice = {}
    for dataset, device, state, count, first, last in rows:
        if not devices.includes(device):
            continue
        entry = counts.setdefault((dataset, device), {"first": "9999", "last": "", "states": {}})
        entry["first"] = min(entry["first"], str(first))
        entry["last"] = max(entry["last"], str(last))
        entry["states"][state] = count
    return counts
