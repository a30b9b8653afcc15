"""A small dataset for the tests: meters whose responses are lists of numbered readings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from warehouse.archive import ArchivedResponse, Entry
from warehouse.coverage import COVERAGE_SCHEMA, coverage_by_month
from warehouse.interface.decoder_protocol import QUARANTINE_SCHEMA, Decoded, Drift
from warehouse.interface.table_spec import TableSpec
from warehouse.lake import Lake
from warehouse.tables.build import build

DATASET = "readings"
DAY = date(2025, 6, 1)
OTHER_MONTH = date(2025, 7, 15)
UTC_US = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("meter", pa.string(), metadata={"description": "Serial number of the meter"}),
        pa.field("time", UTC_US, metadata={"title": "Time", "description": "Of the reading"}),
        pa.field("power_w", pa.float64()),
        pa.field("status", pa.string()),
        pa.field("strings", pa.list_(pa.struct([("number", pa.int32()), ("v", pa.float64())]))),
        pa.field("response_id", pa.int64()),
        pa.field("fetched_at", UTC_US),
        pa.field("request_date", pa.date32()),
    ]
)


def spec(version: int = 1, schema: pa.Schema = SCHEMA, **changes: Any) -> TableSpec:
    values: dict[str, Any] = {
        "name": DATASET,
        "schema": schema,
        "key": ("meter", "time"),
        "time_column": "time",
        "device_column": "meter",
        "decoder_version": version,
        "description": "One row per meter and time. Source: the toy.",
    }
    return TableSpec(**(values | changes))


@dataclass
class ToyDecoder:
    """Decode ``[{"t": iso, "p": power, "s": status, "a": [...]}]``; negative power is invalid."""

    version: int = 1
    dataset: str = DATASET
    refuse_below: float = 0.0
    tables: tuple[TableSpec, ...] = field(default=())

    def __post_init__(self) -> None:
        self.tables = self.tables or (spec(self.version, name=self.dataset),)

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        drift: list[Drift] = []
        rows_in: dict[int, int] = {}
        for response in responses:
            rows = json.loads(response.body)["data"]
            rows_in[response.response_id] = len(rows)
            for at, row in enumerate(rows):
                power = row.get("p")
                if power is not None and power < self.refuse_below:
                    bad.append(self._refused(response, at, row))
                    continue
                if row.get("s") not in (None, "ok", "off"):
                    drift.append(
                        Drift(self.dataset, "unknown_code", "s", row["s"], 1, response.fetched_at)
                    )
                good.append(
                    {
                        "meter": response.device_id,
                        "time": datetime.fromisoformat(row["t"]),
                        "power_w": power,
                        "status": row.get("s"),
                        "strings": row.get("a"),
                        "response_id": response.response_id,
                        "fetched_at": response.fetched_at,
                        "request_date": response.request_date,
                    }
                )
        schema = self.tables[0].schema
        tables = {self.tables[0].name: pa.Table.from_pylist(good, schema)}
        return Decoded(tables, pa.Table.from_pylist(bad, QUARANTINE_SCHEMA), drift, rows_in)

    def _refused(self, response: ArchivedResponse, at: int, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "table": self.tables[0].name,
            "response_id": response.response_id,
            "device_id": response.device_id,
            "request_date": response.request_date,
            "row_index": at,
            "reason": "check_failed",
            "check": f"power >= {self.refuse_below:g}",
            "column": "power_w",
            "value": str(row["p"]),
            "raw": json.dumps(row),
            "first_seen_at": response.fetched_at,
        }


def day_rows(day: date, count: int = 4, power: float = 100.0, **more: Any) -> list[dict[str, Any]]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    step = timedelta(days=1) / count
    return [
        {"t": (start + at * step).isoformat(), "p": power + at, "s": "ok", **more}
        for at in range(count)
    ]


def answer(
    device: str,
    day: date | None,
    rows: Iterable[dict[str, Any]],
    *,
    fetched_at: datetime | None = None,
    dataset: str = DATASET,
    **changes: Any,
) -> Entry:
    listed = list(rows)
    moment = fetched_at or datetime(2026, 1, 1, tzinfo=UTC)
    values: dict[str, Any] = {
        "dataset": dataset,
        "device_id": device,
        "request_date": day,
        "request_zone": "Europe/London",
        "method": "GET",
        "path": f"/meter/{device}/{day}",
        "params": "{}",
        "status": 200,
        "outcome": "ok",
        "error_kind": None,
        "message": None,
        "requested_at": moment,
        "fetched_at": moment,
        "page": 1,
        "page_count": 1,
        "complete": True,
        "rows": len(listed),
        "body": json.dumps({"data": listed}).encode(),
        "attempts": 1,
        "redaction_version": None,
    }
    return Entry(**(values | changes))


def failure(device: str, day: date, status: int | None, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "status": status,
        "outcome": "error",
        "error_kind": f"http_{status}" if status else "timeout",
        "message": "It went wrong.",
        "complete": False,
        "rows": None,
        "body": b"excerpt",
    }
    known = {name: changes.pop(name) for name in ("fetched_at", "dataset") if name in changes}
    return replace(answer(device, day, [], **known), **(values | changes))


def built_coverage(lake: Lake, *args: Any, **options: Any) -> pa.Table:
    """Return the coverage of days whose responses are all in the tables."""
    build(lake, ToyDecoder())
    return coverage(lake, *args, **options)


def coverage(lake: Lake, *args: Any, **options: Any) -> pa.Table:
    """Return coverage as one table, the oldest month first."""
    months = list(coverage_by_month(lake, *args, **options))
    return pa.concat_tables([COVERAGE_SCHEMA.empty_table(), *reversed(months)])
