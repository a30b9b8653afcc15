"""Evidence that days are not whole although they were fetched when final.

Data can arrive long after their day: a device that was offline sends what it has kept. The tables
show it: readings are missing while a counter grew, or have been missing since some day. Such days
are fetched again at growing intervals, see `coverage_fact`. A cache, one file per dataset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.connection import connect, retrying
from warehouse.coverage.coverage_fact import LOOKS, CoverageRule
from warehouse.errors import DamagedError
from warehouse.index.watermarks import watermarks
from warehouse.lake import Lake
from warehouse.storage import live_parquet
from warehouse.storage.atomic_files import explained
from warehouse.storage.parquet_files import read as read_file
from warehouse.storage.transaction import Manifest

FOLDER = "index/evidence"
FILE_SET_NAME = "evidence"
# Raise it whenever the same tables would give other evidence.
_VERSION = 1
# Days before the last look can have become whole; a day more than that, as days have zones.
_WINDOW = LOOKS[-1] + timedelta(days=2)
# So that memory does not depend on the size of a fleet.
_DEVICES_AT_ONCE = 200
_UTC = pa.timestamp("us", tz="UTC")
EVIDENCE_SCHEMA = pa.schema(
    [
        pa.field("dataset", pa.string(), metadata={"description": "Dataset"}),
        pa.field("device_id", pa.string(), metadata={"description": "Device requested"}),
        pa.field("request_date", pa.date32(), metadata={"description": "Day requested"}),
        pa.field(
            "continued_at",
            _UTC,
            metadata={
                "description": "From when on there are data again, or when a device that had been"
                " silent was seen to be back; null: there are none so far"
            },
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
    built = watermarks(lake, [rule.dataset for rule in rules if rule.evidence_sql])
    today = now.date()
    for rule in rules:
        if rule.dataset not in built or built[rule.dataset].segment == 0:
            continue
        fact = [_VERSION, built[rule.dataset].segment, today.isoformat()]
        if _is_current(lake.file_set(FILE_SET_NAME).manifest(), rule.dataset, fact):
            continue
        file_set = lake.file_set(FILE_SET_NAME)
        with file_set.lock(), explained("Looking for incomplete days in", lake.folder):
            manifest = file_set.manifest() or Manifest()
            if _is_current(manifest, rule.dataset, fact):
                continue
            since, stored = date.min, EVIDENCE_SCHEMA.empty_table()
            if manifest.facts.get(rule.dataset, [None])[0] == _VERSION:
                since, stored = today - _WINDOW, evidence(lake, rule.dataset)
            is_older = pc.less(stored["request_date"], since)
            found = _with_returns(_found(lake, rule, since, today), stored, now)
            rows = pa.concat_tables([stored.filter(is_older), found])
            transaction = file_set.begin()
            name = _file(rule.dataset)
            target = transaction.path_for(name)
            live_parquet.write_table(target, rows, transaction.live(name))
            transaction.add(name, target, rows.num_rows)
            facts = manifest.facts | {rule.dataset: fact}
            transaction.commit(Manifest(0, facts, manifest.files))


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
        return EVIDENCE_SCHEMA.empty_table()


def _is_current(manifest: Manifest | None, dataset: str, fact: list[object]) -> bool:
    return (
        manifest is not None
        and manifest.facts.get(dataset) == fact
        and _file(dataset) in manifest.files
    )


def _found(lake: Lake, rule: CoverageRule, since: date, today: date) -> pa.Table:
    expected = lake.expected()
    devices = pc.unique(expected.filter(pc.equal(expected["dataset"], rule.dataset))["device_id"])
    parts = len(devices) // _DEVICES_AT_ONCE + 1
    found = [EVIDENCE_SCHEMA.empty_table()]
    with connect(lake) as connection:
        for part in range(parts):
            parameters = {"since": since, "today": today, "parts": parts, "part": part}
            rows = retrying(partial(_rows, connection, rule.evidence_sql, parameters))
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
    return connection.sql(sql, params=used).to_arrow_table()


def _file(dataset: str) -> str:
    return f"{FOLDER}/{dataset}.parquet"
