"""The quarantine: rows that are in no table, and values of rows that are in one without them.

Each has the reason, the check and the value. A row is recognised by its JSON when it is delivered
again. The digest of it stays where the JSON itself is left out, so that every row is counted.
"""

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
from warehouse.storage.arrow_fields import arrow_field

_UTC = pa.timestamp("us", tz="UTC")
_DIGEST = arrow_field(
    "row_digest", pa.int64(), "Hash of the row as JSON, the same whenever the row is delivered"
)
STORED_QUARANTINE_SCHEMA = (
    QUARANTINE_SCHEMA.append(arrow_field("last_seen_at", _UTC, "When it was last fetched"))
    .append(arrow_field("times_seen", pa.int64(), "Number of responses that contain it"))
    .append(_DIGEST)
)
# If a change of the API makes every row fail, a sample is enough: the archive has all rows.
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
    "is_row_kept",
    "row_digest",
]


def duplicate_rows(dataset: str, spec: TableSpec, rows: pa.Table) -> pa.Table:
    """Return quarantine rows for rows whose key is repeated later in the same response."""
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
                "is_row_kept": False,
            }
            for row in rows.to_pylist()
        ],
        QUARANTINE_SCHEMA,
    )


def split_quarantine(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Divide quarantine rows by file: requested month, and bucket of the device."""
    days = pc.coalesce(rows["request_date"], pc.cast(rows["first_seen_at"], pa.date32()))
    months = pc.strftime(days, format="%Y-%m").to_pylist()
    buckets = [
        zlib.crc32(device.encode()) % _QUARANTINE_BUCKETS
        for device in pc.fill_null(rows["device_id"], "").to_pylist()
    ]
    indices: dict[str, list[int]] = {}
    for at, (month, bucket) in enumerate(zip(months, buckets, strict=True)):
        indices.setdefault(f"month={month}/part-{bucket}.parquet", []).append(at)
    for name, selected in indices.items():
        yield name, rows.take(pa.array(selected))


def prepared(rows: pa.Table) -> pa.Table:
    """Add the digests of rows; remove `raw` of most if one response fails one check very often."""
    rows = rows.append_column(_DIGEST, pa.array(_row_digests(rows), pa.int64()))
    if rows.num_rows <= _RAW_ROWS_PER_RESPONSE_AND_CHECK:
        return rows
    seen: Counter[tuple[object, ...]] = Counter()
    kept = []
    keys = (rows[name].to_pylist() for name in ("response_id", "table", "check", "column"))
    for key in zip(*keys, strict=True):
        seen[key] += 1
        kept.append(seen[key] <= _RAW_ROWS_PER_RESPONSE_AND_CHECK)
    at = rows.schema.get_field_index("raw")
    raw = pc.if_else(pa.array(kept), rows["raw"], pa.scalar(None, rows["raw"].type))
    return rows.set_column(at, rows.schema.field("raw"), raw)


def _row_digests(rows: pa.Table) -> list[int]:
    """Hash each row's JSON; equal rows of one response are told apart by their order."""
    names = ("response_id", "table", "raw", "row_index")
    places = list(zip(*(rows[name].to_pylist() for name in names), strict=True))
    order: dict[tuple[object, ...], dict[object, int]] = {}
    digests = []
    for response_id, table, raw, index in places:
        equal = order.setdefault((response_id, table, raw), {})
        digests.append(_digest(raw, equal.setdefault(index, len(equal))))
    return digests


def _digest(*values: object) -> int:
    digest = hashlib.blake2b(repr(values).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def entry_digests(paths: Iterable[Path]) -> np.ndarray:
    """Return digests of quarantined rows and values, to find those that returned to a table."""
    names = ["table", "device_id", "request_date", "is_row_kept", "row_digest", "column"]
    digests = []
    for path in paths:
        file = pq.ParquetFile(path)
        if _DIGEST.name not in file.schema_arrow.names:
            # Of an older layout, which only had whole rows.
            rows = file.read(columns=[*names[:3], "raw"])
            places = zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True)
            digests += [_digest(*place, False, _digest(raw, 0), "") for *place, raw in places]
            continue
        rows = file.read(columns=names)
        for *place, is_kept, digest, column in zip(
            *(rows[name].to_pylist() for name in names), strict=True
        ):
            digests.append(_digest(*place, bool(is_kept), digest, column if is_kept else ""))
    return np.unique(np.array(digests, dtype=np.int64))


def merge_quarantine(stored: pa.Table, incoming: pa.Table) -> pa.Table:
    """Merge quarantine rows, `prepared`, into the stored rows: a repeated delivery is counted."""
    incoming = incoming.append_column(
        STORED_QUARANTINE_SCHEMA.field("last_seen_at"), incoming["first_seen_at"]
    ).append_column(
        STORED_QUARANTINE_SCHEMA.field("times_seen"),
        pa.array(np.ones(incoming.num_rows, dtype=np.int64)),
    )
    incoming = incoming.select(STORED_QUARANTINE_SCHEMA.names).cast(STORED_QUARANTINE_SCHEMA)
    rows = pa.concat_tables([stored, incoming])
    rows = rows.take(pc.sort_indices(rows, [("response_id", "ascending")]))
    folded = rows.group_by(_SAME_ROW, use_threads=False).aggregate(
        [
            ("response_id", "first"),
            ("row_index", "first"),
            ("raw", "first"),
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
    return renamed.sort_by(
        [("response_id", "ascending"), ("row_index", "ascending"), ("column", "ascending")]
    )
