"""Writers of tables as Parquet files, CSV files or a DuckDB file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.attached_database import quoted
from warehouse.interface.view_spec import ViewSpec, comment_statements
from warehouse.storage.parquet_files import empty_table
from warehouse.verification.canonical_form import MEMORY, encode, values

_ROW_GROUP_ROWS = 45_000
# A spreadsheet interprets a cell that begins with one of these as a formula. The apostrophe is
# included, so that the first apostrophe of a text can always be removed.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n", "'")
DUCKDB_FILE = "givlake.duckdb"


class Sink(Protocol):
    """A writer of the rows of one table."""

    def write(self, rows: pa.RecordBatch) -> None:
        """Write rows."""

    def close(self) -> None:
        """Finish the table."""


class Sinks(Protocol):
    """A writer of tables in one format."""

    def table(self, name: str, schema: pa.Schema, description: str) -> Sink:
        """Begin a table, replacing one of the same name."""

    def close(self) -> None:
        """Finish all tables."""


class ParquetFiles:
    """One Parquet file per table."""

    def __init__(self, folder: Path) -> None:
        """Write files to `folder`."""
        self._folder = folder

    def table(self, name: str, schema: pa.Schema, description: str = "") -> Sink:
        """Begin a file."""
        return _ParquetFile(self._folder / f"{name}.parquet", schema)

    def close(self) -> None:
        """Do nothing, since each file is finished separately."""


class _ParquetFile:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)
        self._buffer: list[pa.RecordBatch] = []

    def write(self, rows: pa.RecordBatch) -> None:
        self._buffer.append(rows)
        if sum(part.num_rows for part in self._buffer) >= _ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        rows = pa.Table.from_batches(self._buffer).cast(self._schema) if self._buffer else None
        if rows is not None:
            self._writer.write_table(rows)
        self._buffer = []


class CsvFiles:
    """One CSV file per table (RFC 4180, UTF-8)."""

    def __init__(self, folder: Path) -> None:
        """Write files to `folder`."""
        self._folder = folder

    def table(self, name: str, schema: pa.Schema, description: str = "") -> Sink:
        """Begin a file."""
        return _CsvFile(self._folder / f"{name}.csv", schema)

    def close(self) -> None:
        """Do nothing, since each file is finished separately."""


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
    """Return values as cells: null is an empty cell, and texts are escaped."""
    kind = column.type
    items = values(column)
    if pa.types.is_string(kind):
        return ["" if text is None else escape_formula(str(text)) for text in items]
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return ["" if value is None else str(value) for value in items]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return ["" if value is None else _number(value) for value in items]
    return ["" if value is None else encode(value) for value in items]


def _number(value: object) -> str:
    """Return a number as `encode` writes it, but faster."""
    text = repr(value)
    return text if text[-1].isdigit() else encode(value)  # NaN or infinite


def escape_formula(text: str) -> str:
    """Prefix an apostrophe to a text that is empty or that a spreadsheet would evaluate."""
    return f"'{text}" if not text or text.startswith(_FORMULA) else text


class DuckDbFile:
    """One DuckDB file with all tables, readable by DuckDB 1.0 and later."""

    def __init__(self, path: Path) -> None:
        """Create the file `path`."""
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET threads = 1")
        self._connection.execute(f"SET memory_limit = '{MEMORY}'")
        self._connection.execute(f"ATTACH '{quoted(path)}' AS target (STORAGE_VERSION 'v1.0.0')")
        self._connection.execute("USE target")

    def table(self, name: str, schema: pa.Schema, description: str) -> Sink:
        """Begin a table, described by its comments."""
        self._connection.register("incoming", empty_table(schema))
        self._connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS FROM incoming')
        for statement in comment_statements("TABLE", name, description, schema):
            self._connection.execute(statement)
        return _DuckDbTable(self._connection, name)

    def add_view(self, spec: ViewSpec) -> None:
        """Add a view over the tables, unless it reads one that is not in the file."""
        try:
            self._connection.execute(spec.create)
        except duckdb.CatalogException:
            return
        for statement in spec.comments:
            self._connection.execute(statement)

    def close(self) -> None:
        """Write all tables to the file."""
        self._connection.execute("USE memory")
        self._connection.execute("DETACH target")
        self._connection.close()


class _DuckDbTable:
    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        self._connection, self._name = connection, name

    def write(self, rows: pa.RecordBatch) -> None:
        self._connection.register("incoming", pa.Table.from_batches([rows]))
        self._connection.execute(f'INSERT INTO "{self._name}" FROM incoming')

    def close(self) -> None:
        self._connection.unregister("incoming")
