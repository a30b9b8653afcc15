"""Rows into files: Parquet, CSV, or tables of a DuckDB file. Which rows does not belong here."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.connection import quoted
from warehouse.verification.canonical_form import MEMORY, encode, values

_ROW_GROUP_ROWS = 45_000
# A spreadsheet takes a cell that begins with one of these for a formula. The apostrophe itself is
# among them so that one apostrophe at the beginning of a text was always put there.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n", "'")
DUCKDB_FILE = "givlake.duckdb"


class Sink(Protocol):
    """Takes the rows of one table."""

    def write(self, rows: pa.RecordBatch) -> None:
        """Take rows in."""

    def close(self) -> None:
        """Finish the table."""


class Sinks(Protocol):
    """A place for tables of one format."""

    def table(self, name: str, schema: pa.Schema) -> Sink:
        """Begin a table, without the rows that one of this name may have got."""

    def close(self) -> None:
        """Finish all."""


class ParquetFiles:
    """One Parquet file for each table."""

    def __init__(self, folder: Path) -> None:
        """Write into ``folder``."""
        self._folder = folder

    def table(self, name: str, schema: pa.Schema) -> Sink:
        """Begin a file."""
        return _ParquetFile(self._folder / f"{name}.parquet", schema)

    def close(self) -> None:
        """Do nothing: each file is finished by itself."""


class _ParquetFile:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)
        self._held: list[pa.RecordBatch] = []

    def write(self, rows: pa.RecordBatch) -> None:
        self._held.append(rows)
        if sum(part.num_rows for part in self._held) >= _ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        rows = pa.Table.from_batches(self._held).cast(self._schema) if self._held else None
        if rows is not None:
            self._writer.write_table(rows)
        self._held = []


class CsvFiles:
    """One CSV file for each table (RFC 4180, UTF-8)."""

    def __init__(self, folder: Path) -> None:
        """Write into ``folder``."""
        self._folder = folder

    def table(self, name: str, schema: pa.Schema) -> Sink:
        """Begin a file."""
        return _CsvFile(self._folder / f"{name}.csv", schema)

    def close(self) -> None:
        """Do nothing: each file is finished by itself."""


class _CsvFile:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(schema.names)

    def write(self, rows: pa.RecordBatch) -> None:
        columns = [_cells(column) for column in rows.columns]
        self._writer.writerows(zip(*columns, strict=True))

    def close(self) -> None:
        self._file.close()


def _cells(column: pa.Array) -> list[str]:
    """Write values as cells: null is an empty cell, and no text is empty or begins a formula."""
    kind = column.type
    listed = values(column)
    if pa.types.is_string(kind):
        return ["" if text is None else guarded(str(text)) for text in listed]
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return ["" if value is None else str(value) for value in listed]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return ["" if value is None else _number(value) for value in listed]
    return ["" if value is None else encode(value) for value in listed]


def _number(value: object) -> str:
    """Write a number as `encode` does, but quicker."""
    text = repr(value)
    return text if text[-1].isdigit() else encode(value)  # not a number, or infinite


def guarded(text: str) -> str:
    """Put an apostrophe before a text that is empty, or that a spreadsheet would calculate."""
    return f"'{text}" if not text or text.startswith(_FORMULA) else text


class DuckDbFile:
    """One DuckDB file with a table for each; readable by DuckDB 1.0 and later."""

    def __init__(self, path: Path) -> None:
        """Make the file ``path``."""
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET threads = 1")
        self._connection.execute(f"SET memory_limit = '{MEMORY}'")
        self._connection.execute(f"ATTACH '{quoted(path)}' AS made (STORAGE_VERSION 'v1.0.0')")
        self._connection.execute("USE made")

    def table(self, name: str, schema: pa.Schema) -> Sink:
        """Begin a table."""
        self._connection.register("incoming", schema.empty_table())
        self._connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS FROM incoming')
        return _DuckDbTable(self._connection, name)

    def close(self) -> None:
        """Write everything into the file."""
        self._connection.execute("USE memory")
        self._connection.execute("DETACH made")
        self._connection.close()


class _DuckDbTable:
    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        self._connection, self._name = connection, name

    def write(self, rows: pa.RecordBatch) -> None:
        self._connection.register("incoming", pa.Table.from_batches([rows]))
        self._connection.execute(f'INSERT INTO "{self._name}" FROM incoming')

    def close(self) -> None:
        self._connection.unregister("incoming")
