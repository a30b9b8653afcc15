"""Parquet files that are replaced while somebody reads them.

DuckDB and Polars open a file by its path more than once: for its footer, then for its data. Were it
replaced in between, they would read one version's data by another's footer: an error, or with older
versions of DuckDB wrong rows. So a file that takes the place of another holds the other's data as
well, at the same place, where its own footer does not mention them. Whoever has the old footer
reads the old rows, whoever has the new one the new rows.

The old data stand before or behind the new ones, by turns, so that a file does not grow beyond
about three times its data. Polars looks for the footer where a file ended before it opened it, so
a file keeps its size as long as there is room. ``trim`` takes out, when nobody can be reading them,
the old data and the room.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

_MAGIC = b"PAR1"
_CHUNK_BYTES = 1 << 20
# What grows a little with each version finds room where the version before the last was.
_ROOM = 0.25
Parts = Callable[[], Iterable[pa.Table]]
Span = tuple[int, int]


def write(path: Path, schema: pa.Schema, parts: Parts, live: Path | None, **options: Any) -> None:
    """Write a Parquet file that can take the place of another while that is read.

    Args:
        path: A temporary file.
        schema: The columns.
        parts: Gives the rows, a row group or some at a time; called again where they must be
            written once more.
        live: The file that it will replace; None, or one that is no Parquet file, when there is
            nothing to keep.
        **options: Those of Arrow's ``ParquetWriter``.
    """
    kept = data_span(live) if live is not None else None
    if live is None or kept is None:
        with pq.ParquetWriter(path, schema, **options) as writer:
            for part in _not_empty(parts):
                writer.write_table(part, part.num_rows)
        return
    first, last = kept
    fits = first - len(_MAGIC) >= last - first
    if not (fits and _write_before(path, schema, parts, live, kept, options)):
        _write_behind(path, schema, parts, live, kept, options)
    size, kept_size = path.stat().st_size, live.stat().st_size
    _end_at(path, kept_size if size <= kept_size else size + int(_ROOM * size))


def write_table(path: Path, rows: pa.Table, live: Path) -> None:
    """Write a table with the options that index and accounting files have.

    Args:
        path: A temporary file.
        rows: The rows, in one row group.
        live: The file that it will replace.
    """
    write(
        path,
        rows.schema,
        lambda: [rows],
        live,
        compression="zstd",
        compression_level=3,
        write_page_checksum=True,
    )


def data_span(path: Path) -> Span | None:
    """Return where a file's data begin and end; None when it cannot be read."""
    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return None
    first, last = [], []
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            begin = column.dictionary_page_offset or column.data_page_offset
            first.append(begin)
            last.append(begin + column.total_compressed_size)
    return min(first, default=len(_MAGIC)), max(last, default=len(_MAGIC))


def content_digest(path: Path) -> str:
    """Return a hash of a file's rows as they are stored, wherever in the file they stand."""
    digest = hashlib.sha256(pq.read_schema(path).serialize().to_pybytes())
    span = data_span(path)
    if span is not None:
        with path.open("rb") as file:
            _copy(file, span, digest.update)
    return digest.hexdigest()


def unused_bytes(path: Path) -> int:
    """Return how many bytes of a file hold data of the version before it, or room."""
    span = data_span(path) or (0, 0)
    return path.stat().st_size - _footer_bytes(path) - len(_MAGIC) - (span[1] - span[0])


def trim(path: Path, target: Path) -> None:
    """Write a file anew without what it holds beside its own data, which stay at their place.

    What is before them becomes a hole, which takes no disk.
    """
    span = data_span(path) or (len(_MAGIC), len(_MAGIC))
    size = path.stat().st_size
    with path.open("rb") as source, target.open("wb") as file:
        file.write(_MAGIC)
        file.seek(span[0])
        _copy(source, span, file.write)
        _copy(source, (size - _footer_bytes(path), size), file.write)


def _write_before(
    path: Path, schema: pa.Schema, parts: Parts, live: Path, kept: Span, options: dict[str, Any]
) -> bool:
    """Write the data before those that are kept; return whether there was room for them."""
    with pa.OSFile(str(path), "wb") as file, pq.ParquetWriter(file, schema, **options) as writer:
        for part in _not_empty(parts):
            writer.write_table(part, part.num_rows)
            if file.tell() > kept[0]:
                return False
        _fill(file, kept[0])
        with live.open("rb") as source:
            _copy(source, kept, file.write)
    return True


def _write_behind(
    path: Path, schema: pa.Schema, parts: Parts, live: Path, kept: Span, options: dict[str, Any]
) -> None:
    """Write the data behind those that are kept, with some room between the two."""
    with pa.OSFile(str(path), "wb") as file, pq.ParquetWriter(file, schema, **options) as writer:
        _fill(file, kept[0])
        with live.open("rb") as source:
            _copy(source, kept, file.write)
        _fill(file, kept[1] + int(_ROOM * (kept[1] - kept[0])))
        for part in _not_empty(parts):
            writer.write_table(part, part.num_rows)


def _end_at(path: Path, size: int) -> None:
    """Move a file's footer so that the file ends there; before it comes a hole."""
    footer_bytes, end = _footer_bytes(path), path.stat().st_size
    with path.open("r+b") as file:
        file.seek(end - footer_bytes)
        footer = file.read(footer_bytes)
        file.truncate(end - footer_bytes)
        file.seek(size - footer_bytes)
        file.write(footer)


def _not_empty(parts: Parts) -> Iterator[pa.Table]:
    """Leave out parts without rows: a group of no rows has no place in the file."""
    return (part for part in parts() if part.num_rows)


def _fill(file: pa.NativeFile, up_to: int) -> None:
    while (missing := up_to - file.tell()) > 0:
        file.write(bytes(min(missing, _CHUNK_BYTES)))


def _copy(source: BinaryIO, span: Span, take: Callable[[bytes], object]) -> None:
    source.seek(span[0])
    left = span[1] - span[0]
    while left > 0 and (chunk := source.read(min(left, _CHUNK_BYTES))):
        take(chunk)
        left -= len(chunk)


def _footer_bytes(path: Path) -> int:
    """Return the length of a file's footer, with its length and the magic number."""
    with path.open("rb") as file:
        file.seek(-8, 2)
        return int.from_bytes(file.read(4), "little") + 8
