"""A synthetic table of measurements, for benchmarks of the stores alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from tests.support.toy_decoder import answer
from warehouse.archive import Entry
from warehouse.interface.table_spec import TableSpec

DATASET = "points"
MEASURES = [f"measure_{number:02d}" for number in range(48)]
SCHEMA = pa.schema(
    [
        ("inverter", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
        *((name, pa.float64()) for name in MEASURES),
        ("response_id", pa.int64()),
        ("fetched_at", pa.timestamp("us", tz="UTC")),
        ("request_date", pa.date32()),
    ]
)
SPEC = TableSpec(
    DATASET, SCHEMA, ("inverter", "time"), "time", "inverter", 1, "One row per inverter and time."
)


def entry(device: str, day: date, body: bytes, rows: int) -> Entry:
    """Return a day's final response, fetched three days later."""
    fetched_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=3)
    empty = answer(device, day, (), dataset=DATASET, fetched_at=fetched_at)
    return replace(empty, body=body, rows=rows)


def size_of(folder: Path) -> tuple[int, int]:
    """Return bytes on disk (holes take none) and number of the files below a folder."""
    found = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum(min(stat.st_size, stat.st_blocks * 512) for stat in found), len(found)
