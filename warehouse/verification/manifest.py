"""The manifest of a data folder: a dated summary by table and device, with hashes of the rows.

What is hashed is described in ``canonical``. The manifests of units, which are about files, are
another thing and stand in ``units``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from warehouse.connection import connect, retrying
from warehouse.coverage import CoverageRule, refresh_coverage
from warehouse.errors import VersionError
from warehouse.interface.decoder_protocol import Decoder, fingerprints
from warehouse.lake import Lake, file_set_name
from warehouse.tables import TableSpec
from warehouse.tables.build import build
from warehouse.tables.watermarks import Pending, pending_responses
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
def held_still(lake: Lake, decoder: Decoder) -> Iterator[None]:
    """Keep a dataset's tables as they are.

    Tables with the columns of another version of their decoder, which nothing here could read, are
    built first, or refused where the folder was opened for reading; archived responses that are
    not in the tables yet are left out.

    Raises:
        StoreError: the disk is full or not writable, or the tables are of another version.
    """
    file_set = lake.file_set(file_set_name(decoder.dataset))
    manifest = file_set.manifest()
    if manifest is not None and manifest.facts["fingerprints"] != fingerprints(decoder):
        if file_set.read_only:
            raise VersionError(
                f"the tables of {decoder.dataset} were made by another version of givlake: "
                f"run givlake rebuild --dataset {decoder.dataset}"
            )
        build(lake, decoder)
    with file_set.lock():
        yield


def make_manifest(
    lake: Lake,
    decoders: Sequence[Decoder],
    rules: Sequence[CoverageRule] = (),
    days: Days | None = None,
) -> dict[str, Any]:
    """Summarise what the tables hold.

    Args:
        lake: The data folder, with a catalogue.
        decoders: Decoders of the datasets to summarise.
        rules: Lateness of the datasets that are asked for by day.
        days: Only these days; None for all.

    Raises:
        StoreError: the disk is full or not writable.
    """
    days = days or Days()
    states = days_by_state(lake, rules, days)
    tables = {}
    pending = pending_responses(lake, [decoder.dataset for decoder in decoders])
    for decoder in decoders:
        with held_still(lake, decoder):
            for spec in decoder.tables:
                digest = TableDigest(spec)
                for rows in sorted_rows(lake, spec, days):
                    digest.add(rows)
                tables[spec.name] = table_entry(decoder.dataset, spec, digest, states)
    return manifest_of(tables, days, pending)


def manifest_of(tables: dict[str, Any], days: Days, pending: Pending) -> dict[str, Any]:
    """Put a date, the range of days and what the tables lack above the entries of tables."""
    return {
        "givlake_manifest": FORM,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "first_day": str(days.first) if days.first else None,
        "last_day": str(days.last) if days.last else None,
        "pending_responses": {of: devices.total() for of, devices in pending.items()},
        "tables": tables,
    }


def table_entry(
    dataset: str, spec: TableSpec, digest: TableDigest, states: DaysByDevice
) -> dict[str, Any]:
    """Describe a table: its columns, and for each device its days, rows and their hash."""
    devices = {device for of, device in states if of == dataset and spec.device_column}
    found = digest.by_device
    for device in devices - found.keys():
        found[device] = Digest()
    if spec.device_column is None and not found:
        found[None] = Digest()
    return {
        "dataset": dataset,
        "device_column": spec.device_column,
        "key": list(spec.row_key),
        "columns": {name: str(spec.schema.field(name).type) for name in canonical_columns(spec)},
        "devices": [
            {
                "device": device,
                "days": states.get((dataset, device or "")),
                "rows": of.rows,
                "first": None if of.first is None else str(of.first),
                "last": None if of.last is None else str(of.last),
                "sha256": of.sha256,
            }
            for device, of in sorted(found.items(), key=lambda item: item[0] or "")
        ],
    }


def days_by_state(lake: Lake, rules: Sequence[CoverageRule], days: Days) -> DaysByDevice:
    """Count the days that are expected or were asked for, by dataset, device and state."""
    refresh_coverage(lake, rules)
    query = (
        "SELECT dataset, device_id, state, count(*), min(request_date), max(request_date)"
        f" FROM coverage WHERE {days.sql('request_date')} GROUP BY ALL ORDER BY ALL"
    )
    with connect(lake) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = retrying(lambda: connection.execute(query).fetchall())
    found: DaysByDevice = {}
    for dataset, device, state, count, first, last in rows:
        entry = found.setdefault((dataset, device), {"first": "9999", "last": "", "states": {}})
        entry["first"] = min(entry["first"], str(first))
        entry["last"] = max(entry["last"], str(last))
        entry["states"][state] = count
    return found
