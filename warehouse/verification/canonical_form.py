"""The canonical form of rows, a reproducible text that the hashes of a manifest are computed from.

`docs/verify.md` describes it for third parties: after a change here, increase `FORM` and update the
description.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.attached_database import quoted
from warehouse.catalogue_location import root_of
from warehouse.connection import named_damage
from warehouse.errors import StoreError
from warehouse.interface.table_spec import PROVENANCE, TableSpec
from warehouse.lake import Lake

FORM = 1
_ROWS_AT_ONCE = 10_000
# Memory of a database that sorts or compares; the rest is spilled to disk. Each thread of DuckDB
# has buffers of its own, so one thread needs far less.
MEMORY = "100MB"
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


@dataclass(frozen=True, slots=True)
class Days:
    """An inclusive range of days; None is an open end."""

    first: date | None = None
    last: date | None = None

    def sql(self, day: str, until: str | None = None) -> str:
        """Return the SQL condition that a day, or a range of days, overlaps this range.

        Args:
            day: SQL expression of the day, or of the first day.
            until: SQL expression of the last day; None for a single day.
        """
        parts = [f"{until or day} >= DATE '{self.first}'"] if self.first else []
        parts += [f"{day} <= DATE '{self.last}'"] if self.last else []
        return " AND ".join(parts) or "true"

    def overlap(self, first: date, last: date) -> bool:
        """Return whether a range of days overlaps this range."""
        return (self.first is None or last >= self.first) and (
            self.last is None or first <= self.last
        )


def canonical_columns(spec: TableSpec) -> list[str]:
    """Return the names of the hashed columns: all except provenance."""
    return [name for name in spec.schema.names if name not in PROVENANCE]


def time_column(spec: TableSpec) -> str | None:
    """Return the name of the column with a row's time; None for tables with a history."""
    if spec.history is not None:
        return None
    times = [name for name in spec.key if pa.types.is_timestamp(spec.schema.field(name).type)]
    return spec.time_column or next(iter(times), None)


def day_expression(spec: TableSpec) -> str | None:
    """Return the SQL expression of a row's day; None for tables that are not filtered by day."""
    if "local_date" in spec.schema.names:
        return '"local_date"'
    time = time_column(spec)
    return None if time is None else f'CAST("{time}" AS DATE)'


@contextmanager
def scratch_database(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that spills to disk.

    Raises:
        StoreError: Memory and disk space are insufficient.
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = '{quoted(lake.scratch / 'sorting')}'")
        try:
            yield connection
        except duckdb.OutOfMemoryException as error:
            raise StoreError(
                f"rows in {lake.folder} could not be sorted or compared in {MEMORY} of memory: "
                "free some space on its disk, or choose fewer datasets or days"
            ) from error


def sorted_rows(
    lake: Lake, spec: TableSpec, days: Days, condition: str = "true"
) -> Iterator[pa.RecordBatch]:
    """Yield a table's rows with all columns, sorted by device and key, in batches.

    Hold the lock of the table's file set.

    Args:
        lake: The data folder.
        spec: The table.
        days: Only rows of these days, unless the table is not filtered by day.
        condition: A further condition for rows, in SQL.

    Raises:
        DamagedError: A file of the table cannot be read.
    """
    if not any((lake.folder / spec.folder).glob("**/*.parquet")):
        return  # of a folder that is opened for reading, and where nothing is yet
    columns = ", ".join(f'"{name}"' for name in spec.schema.names)
    day = day_expression(spec)
    order = dict.fromkeys([*([spec.device_column] if spec.device_column else []), *spec.row_key])
    by = ", ".join(f'"{name}"' for name in order)
    with scratch_database(lake) as connection:
        # A relation is read in batches; the result of `execute` would be in memory at once.
        relation = connection.sql(
            f"SELECT {columns} FROM read_parquet("
            f"'{root_of(lake.folder)}/{spec.folder}/**/*.parquet', hive_partitioning = false)"
            f" WHERE {days.sql(day) if day else 'true'} AND {condition}"
            f" ORDER BY {by}"
        )
        try:
            for batch in relation.to_arrow_reader(_ROWS_AT_ONCE):
                yield from pa.Table.from_batches([batch]).cast(spec.schema).to_batches()
        except duckdb.Error as error:
            raise named_damage(error) from error


def values(column: pa.Array) -> list[object]:
    """Return a column's values, with times as text in the format of `str(datetime)`."""
    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    text = pc.strftime(column.cast(pa.timestamp("us")), format="%Y-%m-%d %H:%M:%S")
    text = pc.replace_substring_regex(text, pattern=r"\.000000$", replacement="")
    if column.type.tz is not None:
        text = pc.binary_join_element_wise(text, "+00:00", "")
    return list(text.to_pylist())


class Digest:
    """The hash of the rows of one device, added in order.

    Attributes:
        rows: Number of rows.
        first: Earliest time; None if rows have no time.
        last: Latest time.
    """

    def __init__(self) -> None:
        """Start without rows."""
        self.rows = 0
        self.first: object = None
        self.last: object = None
        self._sha256 = hashlib.sha256()

    def add(self, spec: TableSpec, rows: pa.RecordBatch) -> None:
        """Add rows, which must be next in the order."""
        columns = [values(rows[name]) for name in canonical_columns(spec)]
        lines = [encode(row) for row in zip(*columns, strict=True)]
        self._sha256.update("".join(f"{line}\n" for line in lines).encode())
        self.rows += rows.num_rows
        if (time := time_column(spec)) is not None:
            ends = pc.min_max(rows[time]).as_py()
            self.first = min(filter(None, (self.first, ends["min"])), default=None)
            self.last = max(filter(None, (self.last, ends["max"])), default=None)

    @property
    def sha256(self) -> str:
        """The hash as hex."""
        return self._sha256.hexdigest()


class TableDigest:
    """The hashes of a table's rows by device; the key None is for tables without devices."""

    def __init__(self, spec: TableSpec) -> None:
        """Start without rows."""
        self._spec = spec
        self.by_device: dict[str | None, Digest] = {}

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows, which must be next in the order."""
        column = self._spec.device_column
        if column is None:
            self.by_device.setdefault(None, Digest()).add(self._spec, rows)
            return
        runs = pc.run_end_encode(rows[column])
        start = 0
        for stop, device in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
            part = rows.slice(start, stop - start)
            self.by_device.setdefault(device, Digest()).add(self._spec, part)
            start = stop
