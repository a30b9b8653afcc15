"""Evidence that days are not whole although they were fetched when final.

Data can arrive long after their day: a device that was offline sends what it has kept. The tables
show it: readings are missing while a counter grew, or have been missing since some day. Such days
are fetched again at growing intervals, see `looks`. A cache, one file per dataset.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.connection import connect, fetch_table
from warehouse.coverage.coverage_fact import LOOKS, CoverageRule
from warehouse.coverage.fact_store import first_data_days
from warehouse.errors import DamagedError
from warehouse.lake import Lake, file_set_name
from warehouse.storage import live_parquet
from warehouse.storage.arrow_fields import arrow_field
from warehouse.storage.atomic_files import explained
from warehouse.storage.parquet_files import empty_table
from warehouse.storage.parquet_files import read as read_file
from warehouse.storage.transaction import Manifest
from warehouse.zone_corrections import STATE_NAME as ZONE_CORRECTIONS

FOLDER = "index/evidence"
FILE_SET_NAME = "evidence"
# Raise it whenever the same tables would give other evidence.
_VERSION = 2
# Days before the last look can have become whole; a day more than that, as days have zones.
_WINDOW = LOOKS[-1] + timedelta(days=2)
# So that memory does not depend on the size of a fleet.
_DEVICES_AT_ONCE = 200
_UTC = pa.timestamp("us", tz="UTC")
EVIDENCE_SCHEMA = pa.schema(
    [
        arrow_field("dataset", pa.string(), "Dataset"),
        arrow_field("device_id", pa.string(), "Device requested"),
        arrow_field("request_date", pa.date32(), "Day requested"),
        arrow_field(
            "continued_at",
            _UTC,
            "From when on there are data again, or when a device that had been"
            " silent was seen to be back; null: there are none so far",
        ),
    ]
)


def refresh_evidence(lake: Lake, rules: Sequence[CoverageRule], now: datetime) -> None:
    """Bring the evidence of datasets up to date with their tables and with the day.

    Args:
        lake: The data folder; nothing happens in one that is opened for reading.
        rules: The datasets; those without `evidence_sql` are skipped.
        now: The present time, UTC.

    Raises:
        StoreError: The disk is full or not writable.
    """
    if lake.archive.read_only:
        return
    today = now.date()
    for rule in rules:
        tables = lake.file_set(file_set_name(rule.dataset)).manifest()
        if not rule.evidence_sql or tables is None:
            continue
        basis = [_VERSION, tables.watermark, today.isoformat(), _digest(rule, tables)]
        if _is_current(lake.file_set(FILE_SET_NAME).manifest(), rule.dataset, basis):
            continue
        file_set = lake.file_set(FILE_SET_NAME)
        with file_set.lock(), explained("Looking for days with missing data in", lake.folder):
            manifest = file_set.manifest() or Manifest()
            if _is_current(manifest, rule.dataset, basis):
                continue
            since, stored = _known(lake, rule, manifest, basis)
            found = _with_returns(_query(lake, rule, since, today), stored, now)
            rows = pa.concat_tables([*_kept(lake, rule, stored, since, now), found])
            transaction = file_set.begin()
            name = _file(rule.dataset)
            target = transaction.path_for(name)
            live_parquet.write_table(target, rows, transaction.live(name))
            transaction.add(name, target, rows.num_rows)
            facts = manifest.facts | {rule.dataset: basis}
            transaction.commit(Manifest(0, facts, manifest.files))


def _digest(rule: CoverageRule, tables: Manifest) -> str:
    """Return a hash of what evidence depends on besides the rows of new segments."""
    made_by = {name: tables.facts.get(name) for name in ("fingerprints", ZONE_CORRECTIONS)}
    text = rule.evidence_sql + json.dumps(made_by, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _known(
    lake: Lake, rule: CoverageRule, manifest: Manifest, basis: list[Any]
) -> tuple[date, pa.Table]:
    """Return the first day to search, and the stored evidence; all days if that is of no use."""
    before = manifest.facts.get(rule.dataset)
    if before is not None and (before[0], before[-1]) == (basis[0], basis[-1]):
        try:
            stored = read_file(lake.folder / _file(rule.dataset), EVIDENCE_SCHEMA)
        except (DamagedError, FileNotFoundError):
            pass
        else:
            # The days since then have never been looked at.
            return date.fromisoformat(min(before[2], basis[2])) - _WINDOW, stored
    return date.min, empty_table(EVIDENCE_SCHEMA)


def _kept(
    lake: Lake, rule: CoverageRule, stored: pa.Table, since: date, now: datetime
) -> list[pa.Table]:
    """Return the stored evidence that the rows since a day cannot show.

    Days before it; and those after it on which a device is still missing since before it, as no row
    from before the gap is among those looked at.
    """
    older = stored.filter(pc.less(stored["request_date"], since))
    newer = stored.filter(pc.greater_equal(stored["request_date"], since))
    if newer.num_rows == 0:
        return [older]
    devices = pc.unique(newer["device_id"]).to_pylist()
    first_days = first_data_days(lake, rule.dataset, devices, since)
    kept = []
    for row in newer.to_pylist():
        first = first_days.get(row["device_id"])
        if first is None or row["request_date"] < first:
            is_back = first is not None and row["continued_at"] is None
            kept.append({**row, "continued_at": now if is_back else row["continued_at"]})
    return [older, pa.Table.from_pylist(kept, EVIDENCE_SCHEMA)]


def drop_evidence(lake: Lake) -> None:
    """Remove the evidence of all datasets; the next plan finds it again.

    Raises:
        StoreError: The disk is full or not writable.
    """
    file_set = lake.file_set(FILE_SET_NAME)
    with file_set.lock(), explained("Removing evidence from", lake.folder):
        manifest = file_set.manifest()
        if manifest is not None:
            transaction = file_set.begin()
            for name in manifest.files:
                transaction.remove(name)
            transaction.commit(Manifest())


def evidence(lake: Lake, dataset: str) -> pa.Table:
    """Return the stored evidence of a dataset; none if it is missing or damaged."""
    path = lake.folder / _file(dataset)
    try:
        return read_file(path if path.exists() else None, EVIDENCE_SCHEMA)
    except DamagedError:
        return empty_table(EVIDENCE_SCHEMA)


def _is_current(manifest: Manifest | None, dataset: str, basis: list[Any]) -> bool:
    return (
        manifest is not None
        and manifest.facts.get(dataset) == basis
        and _file(dataset) in manifest.files
    )


def _query(lake: Lake, rule: CoverageRule, since: date, today: date) -> pa.Table:
    expected = lake.expected()
    devices = pc.unique(expected.filter(pc.equal(expected["dataset"], rule.dataset))["device_id"])
    parts = len(devices) // _DEVICES_AT_ONCE + 1
    found = [empty_table(EVIDENCE_SCHEMA)]
    with connect(lake) as connection:
        for part in range(parts):
            parameters = {"since": since, "today": today, "parts": parts, "part": part}
            rows = _rows(connection, rule.evidence_sql, parameters)
            names = pa.repeat(pa.scalar(rule.dataset), rows.num_rows)
            found.append(
                rows.add_column(0, "dataset", names)
                .select(EVIDENCE_SCHEMA.names)
                .cast(EVIDENCE_SCHEMA)
            )
    return pa.concat_tables(found)


def _with_returns(found: pa.Table, stored: pa.Table, now: datetime) -> pa.Table:
    """Set the present as the time from which a device that had been silent has data again.

    It sends what it has kept after it is back, with the times of the readings.
    """
    keys = ["device_id", "request_date"]
    known = {
        (row["device_id"], row["request_date"]): row["continued_at"] for row in stored.to_pylist()
    }
    times = []
    for row in found.select([*keys, "continued_at"]).to_pylist():
        time, key = row["continued_at"], (row["device_id"], row["request_date"])
        if time is not None and key in known:
            time = now if known[key] is None else max(time, known[key])
        times.append(time)
    place = found.schema.get_field_index("continued_at")
    return found.set_column(place, found.schema.field(place), [pa.array(times, _UTC)])


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]
) -> pa.Table:
    # DuckDB refuses parameters that a query does not use.
    used = {name: value for name, value in parameters.items() if f"${name}" in sql}
    return fetch_table(connection, sql, used)


def _file(dataset: str) -> str:
    return f"{FOLDER}/{dataset}.parquet"
