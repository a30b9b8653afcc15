"""Rows as text that anybody can make again, in one order: what the hashes of a manifest are of.

The form is described for third parties in ``docs/verify.md``; whoever changes it here raises
``FORM`` and changes it there.
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

from warehouse.connection import named_damage, quoted, root_of
from warehouse.errors import StoreError
from warehouse.interface.table_spec import PROVENANCE
from warehouse.lake import Lake
from warehouse.tables import TableSpec

FORM = 1
_ROWS_AT_ONCE = 10_000
# Of a database that sorts or compares; what does not fit is written aside. Each thread of DuckDB
# has buffers of its own, so that one thread gets along with far less.
MEMORY = "100MB"
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days, both ends within; None leaves an end open."""

    first: date | None = None
    last: date | None = None

    def sql(self, day: str, until: str | None = None) -> str:
        """Return the condition that a day, or a range that begins with it, is in the range.

        Both are SQL expressions.
        """
        parts = [f"{until or day} >= DATE '{self.first}'"] if self.first else []
        parts += [f"{day} <= DATE '{self.last}'"] if self.last else []
        return " AND ".join(parts) or "true"

    def overlap(self, first: date, last: date) -> bool:
        """Tell whether a range has days with this one in common."""
        return (self.first is None or last >= self.first) and (
            self.last is None or first <= self.last
        )


def canonical_columns(spec: TableSpec) -> list[str]:
    """Name the columns that are hashed: all but those that say which response brought the row."""
    return [name for name in spec.schema.names if name not in PROVENANCE]


def time_of(spec: TableSpec) -> str | None:
    """Name the column that says when a row is of; None for things with a history."""
    if spec.history is not None:
        return None
    times = [name for name in spec.key if pa.types.is_timestamp(spec.schema.field(name).type)]
    return spec.time_column or next(iter(times), None)


def day_of(spec: TableSpec) -> str | None:
    """Return the SQL of a row's day; None for tables that are not cut by days."""
    if "local_date" in spec.schema.names:
        return '"local_date"'
    time = time_of(spec)
    return None if time is None else f'CAST("{time}" AS DATE)'


@contextmanager
def scratch_database(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that writes aside what does not fit there.

    Raises:
        StoreError: there is not enough space for it on the disk either.
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
                "free some space on its disk, or take fewer datasets or days at once"
            ) from error


def sorted_rows(lake: Lake, spec: TableSpec, days: Days) -> Iterator[pa.RecordBatch]:
    """Yield a table's rows, all columns, sorted by device and key, some thousands at once.

    For use while nobody builds the table.

    Raises:
        DamagedError: a file of the table cannot be read.
    """
    if not any((lake.folder / spec.folder).glob("**/*.parquet")):
        return  # of a folder that is opened for reading, and where nothing is yet
    columns = ", ".join(f'"{name}"' for name in spec.schema.names)
    day = day_of(spec)
    order = dict.fromkeys([*([spec.device_column] if spec.device_column else []), *spec.row_key])
    by = ", ".join(f'"{name}"' for name in order)
    with scratch_database(lake) as connection:
        # A relation is read bit by bit; the result of `execute` would stand in memory whole.
        found = connection.sql(
            f"SELECT {columns} FROM read_parquet("
            f"'{root_of(lake.folder)}/{spec.folder}/**/*.parquet', hive_partitioning = false)"
            f" WHERE {days.sql(day) if day else 'true'}"
            f" ORDER BY {by}"
        )
        try:
            for batch in found.to_arrow_reader(_ROWS_AT_ONCE):
                yield from pa.Table.from_batches([batch]).cast(spec.schema).to_batches()
        except duckdb.Error as error:
            raise named_damage(error) from error


def values(column: pa.Array) -> list[object]:
    """Return a column's values, times as text: as Python's ``str`` writes them, but quicker."""
    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    text = pc.strftime(column.cast(pa.timestamp("us")), format="%Y-%m-%d %H:%M:%S")
    text = pc.replace_substring_regex(text, pattern=r"\.000000$", replacement="")
    if column.type.tz is not None:
        text = pc.binary_join_element_wise(text, "+00:00", "")
    return list(text.to_pylist())


class Digest:
    """The hash of the rows of one device, taken in in order.

    Attributes:
        rows: How many there were.
        first: Time of the earliest; None where rows have no time.
        last: Time of the latest.
    """

    def __init__(self) -> None:
        """Begin with no row."""
        self.rows = 0
        self.first: object = None
        self.last: object = None
        self._sha256 = hashlib.sha256()

    def add(self, spec: TableSpec, rows: pa.RecordBatch) -> None:
        """Take in rows that come next in the order."""
        columns = [values(rows[name]) for name in canonical_columns(spec)]
        lines = [encode(row) for row in zip(*columns, strict=True)]
        self._sha256.update("".join(f"{line}\n" for line in lines).encode())
        self.rows += rows.num_rows
        if (time := time_of(spec)) is not None:
            ends = pc.min_max(rows[time]).as_py()
            self.first = min(filter(None, (self.first, ends["min"])), default=None)
            self.last = max(filter(None, (self.last, ends["max"])), default=None)

    @property
    def sha256(self) -> str:
        """The hash as hex."""
        return self._sha256.hexdigest()


class TableDigest:
    """The hashes of a table's rows by device; None is the device of a table without devices."""

    def __init__(self, spec: TableSpec) -> None:
        """Begin with no row."""
        self._spec = spec
        self.by_device: dict[str | None, Digest] = {}

    def add(self, rows: pa.RecordBatch) -> None:
        """Take in rows that come next in the order."""
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
