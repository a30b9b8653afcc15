"""Content of a file, for tests that search every file for a text."""

from pathlib import Path

import pyarrow.parquet as pq


def contents(file: Path) -> bytes:
    """Return the bytes of a file, followed by the unpacked values of a Parquet file."""
    packed = b"".join(
        bytes(value) if isinstance(value, bytes) else str(value).encode()
        for row in (pq.read_table(file).to_pylist() if file.suffix == ".parquet" else [])
        for value in row.values()
    )
    return file.read_bytes() + packed
