"""A dataset's books: rows accounted for per response, the quarantine, and drift.

They are files of the dataset's unit, so they change in the same commit as its tables.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.archive import ArchivedResponse
from warehouse.errors import AccountingError
from warehouse.storage import live_parquet
from warehouse.tables import TableSpec
from warehouse.tables.decoder_protocol import QUARANTINE_SCHEMA, Decoded, Drift

_UTC = pa.timestamp("us", tz="UTC")
_EPOCH = date(1970, 1, 1)
_NO_DAY = -(1 << 31)


def _field(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": description})


ACCOUNTING_SCHEMA = pa.schema(
    [
        _field("dataset", pa.string(), "Dataset of the response"),
        _field("response_id", pa.int64(), "The response"),
        _field("device_id", pa.string(), "Device that was asked"),
        _field("request_date", pa.date32(), "Day that was asked for"),
        _field("rows_in", pa.int64(), "Rows in the response: the sum of the five that follow"),
        _field("new", pa.int64(), "Rows whose key was new"),
        _field("identical", pa.int64(), "Rows equal to the one that stood"),
        _field("superseding", pa.int64(), "Rows that took the place of the one that stood"),
        _field("superseded", pa.int64(), "Rows that did not: older, or only values lost"),
        _field("quarantined", pa.int64(), "Rows that went to quarantine"),
    ]
)
STORED_QUARANTINE_SCHEMA = QUARANTINE_SCHEMA.append(
    _field("last_seen_at", _UTC, "When it was last fetched")
).append(_field("times_seen", pa.int64(), "Responses that brought it"))
DRIFT_SCHEMA = pa.schema(
    [
        _field("dataset", pa.string(), "Dataset of the responses"),
        _field("kind", pa.string(), "unknown_code, new_field, changed_type, ..."),
        _field("field", pa.string(), "Where in the row"),
        _field("value", pa.string(), "The value, or an example"),
        _field("count", pa.int64(), "How often it was met"),
        _field("first_seen_at", _UTC, "When it was first met"),
    ]
)
PART_ROWS = 100_000
# A part is added to, which writes it anew, only while it is small: a poll costs the same for ever.
TAIL_ROWS = 4_000
# When a change of the API fails every row, a sample of them is enough: the archive has them all.
_RAW_ROWS_PER_RESPONSE_AND_CHECK = 25
_QUARANTINE_BUCKETS = 16
_COUNTS = ("new", "identical", "superseding", "superseded", "quarantined")
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


class RowAccounting:
    """Rows of each response by what became of them."""

    def __init__(self, dataset: str) -> None:
        """Start with no response."""
        self._dataset = dataset
        # A fleet's backfill has hundreds of thousands of responses: no objects are kept of them.
        self._ids, self._rows_in = array("q"), array("q")
        self._devices, self._days = array("i"), array("i")
        self._names: dict[str, int] = {}
        self._counted: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {
            name: [] for name in _COUNTS
        }

    def open(self, responses: Iterable[ArchivedResponse], decoded: Decoded) -> None:
        """Enter responses and check that the decoder lost no row.

        Raises:
            AccountingError: rows in differ from rows tabled plus rows quarantined.
        """
        rows_in = dict(decoded.rows_in)
        known = {response.response_id for response in responses}
        ids = np.array(sorted(known), dtype=np.int64)
        out = np.zeros(len(ids), dtype=np.int64)
        quarantined = _quarantined(decoded.quarantine)
        arrived = [np.asarray(rows["response_id"]) for rows in decoded.tables.values()]
        for column in (*arrived, quarantined):
            if not set(np.unique(column).tolist()) <= known:
                raise AccountingError(
                    f"the decoder of {self._dataset} names a response that it was not given: "
                    "its rows cannot be accounted for"
                )
            np.add.at(out, np.searchsorted(ids, column), 1)
        for response in responses:
            expected = rows_in.get(response.response_id, 0)
            found = int(out[np.searchsorted(ids, response.response_id)])
            if expected != found:
                raise AccountingError(
                    f"the decoder of {self._dataset} was given {expected} rows by response "
                    f"{response.response_id} ({response.device_id} {response.request_date}) and "
                    f"returned {found}: it must put every row into a table or into quarantine"
                )
            day = response.request_date
            self._ids.append(response.response_id)
            self._rows_in.append(expected)
            self._devices.append(self._names.setdefault(response.device_id, len(self._names)))
            self._days.append(_NO_DAY if day is None else (day - _EPOCH).days)
        self.count("quarantined", quarantined)

    def count(self, what: str, response_ids: np.ndarray) -> None:
        """Count one row for each response_id given (repeats count)."""
        if len(response_ids):
            self._counted[what].append(np.unique(response_ids, return_counts=True))

    def table(self) -> pa.Table:
        """Return one row per response, in order of response_id."""
        ids = np.array(self._ids, dtype=np.int64)
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        days = np.array(self._days, dtype=np.int32)[order]
        names = pa.array(list(self._names), pa.string())
        columns: dict[str, object] = {
            "dataset": pa.repeat(self._dataset, len(ids)),
            "response_id": ids,
            "device_id": names.take(pa.array(np.array(self._devices, dtype=np.int32)[order])),
            "request_date": pa.array(days, mask=days == _NO_DAY).cast(pa.date32()),
            "rows_in": np.array(self._rows_in, dtype=np.int64)[order],
        }
        for name in _COUNTS:
            counted = np.zeros(len(ids), dtype=np.int64)
            for part, counts in self._counted[name]:
                counted[np.searchsorted(ids, part)] += counts
            columns[name] = counted
        return pa.table(columns, schema=ACCOUNTING_SCHEMA)


def _quarantined(rows: pa.Table) -> np.ndarray:
    """Return the response_id of each row in quarantine once, however many checks it failed."""
    once = rows.select(["response_id", "table", "row_index"]).filter(pc.is_valid(rows["row_index"]))
    once = once.group_by(["response_id", "table", "row_index"]).aggregate([])
    return np.asarray(once["response_id"], dtype=np.int64)


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


def merge_drift(stored: pa.Table, drift: Iterable[Drift]) -> pa.Table:
    """Unite drift: the same finding is counted, not repeated."""
    fields = DRIFT_SCHEMA.names
    incoming = pa.Table.from_pylist(
        [{name: getattr(found, name) for name in fields} for found in drift], DRIFT_SCHEMA
    )
    keys = ["dataset", "kind", "field", "value"]
    folded = (
        pa.concat_tables([stored, incoming])
        .group_by(keys, use_threads=False)
        .aggregate([("count", "sum"), ("first_seen_at", "min")])
        .rename_columns([*keys, "count", "first_seen_at"])
    )
    return folded.select(fields).cast(DRIFT_SCHEMA).sort_by([(key, "ascending") for key in keys])


def write_accounting(path: Path, rows: pa.Table, live: Path) -> None:
    """Write a file of the books, to take the place of ``live``."""
    live_parquet.write(
        path,
        rows.schema,
        lambda: [rows],
        live,
        compression="zstd",
        compression_level=3,
        write_page_checksum=True,
    )
