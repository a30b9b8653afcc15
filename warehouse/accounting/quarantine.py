"""The quarantine: rows that could not be tabled, each with its reason, check and value."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.interface.decoder_protocol import QUARANTINE_SCHEMA
from warehouse.interface.table_spec import TableSpec

_UTC = pa.timestamp("us", tz="UTC")
STORED_QUARANTINE_SCHEMA = QUARANTINE_SCHEMA.append(
    pa.field("last_seen_at", _UTC, metadata={"description": "When it was last fetched"})
).append(pa.field("times_seen", pa.int64(), metadata={"description": "Responses that brought it"}))
# When a change of the API fails every row, a sample of them is enough: the archive has them all.
_RAW_ROWS_PER_RESPONSE_AND_CHECK = 25
_QUARANTINE_BUCKETS = 16
_SAME_ROW = [
    "dataset",
    "table",
    "device_id",
    "request_date",
    "reason",
    "check",
    "column",
    "value",
    "raw",
]


def duplicates(dataset: str, spec: TableSpec, rows: pa.Table) -> pa.Table:
    """Describe rows whose key comes again later in the same response, for the quarantine."""
    device = spec.device_column
    return pa.Table.from_pylist(
        [
            {
                "dataset": dataset,
                "table": spec.name,
                "response_id": row["response_id"],
                "device_id": row[device] if device else "",
                "request_date": row.get("request_date"),
                "reason": "duplicate_key",
                "check": "unique",
                "column": ",".join(spec.key),
                "value": ",".join(str(row[name]) for name in spec.key),
                "raw": json.dumps(row, default=str),
                "first_seen_at": row["fetched_at"],
            }
            for row in rows.to_pylist()
        ],
        QUARANTINE_SCHEMA,
    )


def split_quarantine(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Divide quarantine rows by their file: month asked for, and a bucket of the device."""
    days = pc.coalesce(rows["request_date"], pc.cast(rows["first_seen_at"], pa.date32()))
    months = pc.strftime(days, format="%Y-%m").to_pylist()
    devices = [
        zlib.crc32(device.encode()) % _QUARANTINE_BUCKETS
        for device in pc.fill_null(rows["device_id"], "").to_pylist()
    ]
    places: dict[str, list[int]] = {}
    for at, (month, bucket) in enumerate(zip(months, devices, strict=True)):
        places.setdefault(f"month={month}/part-{bucket}.parquet", []).append(at)
    for place, at_rows in places.items():
        yield place, rows.take(pa.array(at_rows))


def sampled(rows: pa.Table) -> pa.Table:
    """Leave out ``raw`` and the position where one response fails one check very often."""
    if rows.num_rows <= _RAW_ROWS_PER_RESPONSE_AND_CHECK:
        return rows
    seen: Counter[tuple[object, ...]] = Counter()
    kept = []
    keys = (rows[name].to_pylist() for name in ("response_id", "table", "check", "column"))
    for key in zip(*keys, strict=True):
        seen[key] += 1
        kept.append(seen[key] <= _RAW_ROWS_PER_RESPONSE_AND_CHECK)
    for name in ("raw", "row_index"):
        at = rows.schema.get_field_index(name)
        values = pc.if_else(pa.array(kept), rows[name], pa.scalar(None, rows[name].type))
        rows = rows.set_column(at, rows.schema.field(name), values)
    return rows


def row_digests(paths: Iterable[Path]) -> np.ndarray:
    """Return a 64-bit digest of each quarantined row, to find the ones that came back."""
    columns = ["table", "device_id", "request_date", "raw"]
    digests = bytearray()
    for path in paths:
        rows = pq.ParquetFile(path).read(columns=columns)
        for values in zip(*(rows[name].to_pylist() for name in columns), strict=True):
            digests += hashlib.blake2b(repr(values).encode(), digest_size=8).digest()
    return np.unique(np.frombuffer(bytes(digests), dtype=np.uint64))


def merge_quarantine(stored: pa.Table, incoming: pa.Table) -> pa.Table:
    """Unite quarantine rows: the same row brought again is counted, not repeated."""
    incoming = incoming.append_column(
        STORED_QUARANTINE_SCHEMA.field("last_seen_at"), incoming["first_seen_at"]
    ).append_column(
        STORED_QUARANTINE_SCHEMA.field("times_seen"),
        pa.array(np.ones(incoming.num_rows, dtype=np.int64)),
    )
    rows = pa.concat_tables([stored, incoming.cast(STORED_QUARANTINE_SCHEMA)])
    rows = rows.take(pc.sort_indices(rows, [("response_id", "ascending")]))
    folded = rows.group_by(_SAME_ROW, use_threads=False).aggregate(
        [
            ("response_id", "first"),
            ("row_index", "first"),
            ("first_seen_at", "min"),
            ("last_seen_at", "max"),
            ("times_seen", "sum"),
        ]
    )
    renamed = folded.rename_columns(
        [
            name.removesuffix("_first")
            .removesuffix("_min")
            .removesuffix("_max")
            .removesuffix("_sum")
            for name in folded.column_names
        ]
    )
    renamed = renamed.select(STORED_QUARANTINE_SCHEMA.names).cast(STORED_QUARANTINE_SCHEMA)
    return renamed.sort_by([("response_id", "ascending"), ("row_index", "ascending")])
