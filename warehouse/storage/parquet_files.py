"""Reading of Parquet files with checksums, and conversion of read errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.errors import DamagedError
from warehouse.storage.atomic_files import is_refused

# Logs of rows, such as the index of requests, consist of parts of at most this many rows.
PART_ROWS = 100_000
# Appending rewrites a part, so only small parts are appended to, and the cost of a poll is bounded.
TAIL_ROWS = 4_000


def empty_table(schema: pa.Schema) -> pa.Table:
    """Return a table without rows, without importing pandas as `Schema.empty_table` does."""
    return pa.Table.from_batches([], schema)


def read(path: Path | None, schema: pa.Schema) -> pa.Table:
    """Read a file with the given schema; None has no rows.

    Raises:
        DamagedError: The file cannot be read.
    """
    if path is None:
        return empty_table(schema)
    with (
        read_errors_as_damage(path),
        pq.ParquetFile(path, page_checksum_verification=True) as parquet,
    ):
        rows = parquet.read()
        return pa.Table.from_arrays([rows[name] for name in schema.names], schema=schema)


def read_as(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a file of a schema that may be another: its missing columns are null.

    `pyarrow.parquet.read_table` does the same, but imports pandas, which takes 0.3 s.

    Raises:
        OSError: The operating system cannot read it, or it is damaged.
        pa.ArrowException: It is damaged, or a column cannot be converted.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
        rows = parquet.read()
    columns = [
        rows[field.name].cast(field.type)
        if field.name in rows.schema.names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


@contextmanager
def read_errors_as_damage(path: Path) -> Iterator[None]:
    """Convert errors of Arrow while reading a derived file.

    Raises:
        DamagedError: The file cannot be read.
    """
    try:
        yield
    except (OSError, pa.ArrowException, KeyError) as error:
        if is_refused(error):
            raise
        raise DamagedError(
            f"{path} is damaged ({str(error).splitlines()[0][:120]}): "
            "it is rebuilt from the archive"
        ) from error
