"""Parquet files that can be replaced while other processes read them.

DuckDB and Polars open a file by its path more than once: for its footer, then for its data. If the
file is replaced in between, they read the data of one version with the footer of another: an error,
or with older versions of DuckDB wrong rows. A replacement therefore also contains the data of the
file it replaces, at the same offset, where its own footer does not refer to them. A reader with the
old footer reads the old rows, a reader with the new footer the new rows.

The old data are before or after the new data, alternately, so that a file does not grow beyond
about three times its data. Polars looks for the footer at the end that a file had before it was
opened, so a file keeps its size while there is padding. `vacuum` removes the old data and the
padding when no process can be reading them any more.
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
# A file that grows a little with each version fits into the space of the version before the last.
_PADDING = 0.25
Parts = Callable[[], Iterable[pa.Table]]
Span = tuple[int, int]


def write(path: Path, schema: pa.Schema, parts: Parts, live: Path | None, **options: Any) -> None:
    """Write a Parquet file that can replace another while that is being read.

    Args:
        path: A temporary file.
        schema: The columns.
        parts: Returns the rows, one or more row groups at a time; called a second time if they do
            not fit before the data of the live file.
        live: The file to be replaced; None, or a file that is not Parquet, if no data are to be
            live_span.
        **options: Options of Arrow's `ParquetWriter`.
    """
    live_span = data_span(live) if live is not None else None
    if live is None or live_span is None:
        with pq.ParquetWriter(path, schema, **options) as writer:
            for part in _not_empty(parts):
                writer.write_table(part, part.num_rows)
        return
    first, last = live_span
    fits = first - len(_MAGIC) >= last - first
    if not (fits and _write_before(path, schema, parts, live, live_span, options)):
        _write_after(path, schema, parts, live, live_span, options)
    size, live_size = path.stat().st_size, live.stat().st_size
    _move_footer(path, live_size if size <= live_size else size + int(_PADDING * size))


def write_table(path: Path, rows: pa.Table, live: Path) -> None:
    """Write a table with the options of index and accounting files.

    Args:
        path: A temporary file.
        rows: The rows, in one row group.
        live: The file to be replaced.
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
    """Return the offsets where a file's data begin and end; None if it cannot be read."""
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
    """Return a hash of a file's rows as stored, independent of their offset in the file."""
    digest = hashlib.sha256(pq.read_schema(path).serialize().to_pybytes())
    span = data_span(path)
    if span is not None:
        with path.open("rb") as file:
            _copy(file, span, digest.update)
    return digest.hexdigest()


def unused_bytes(path: Path) -> int:
    """Return how many bytes of a file are data of the previous version, or padding."""
    span = data_span(path) or (0, 0)
    return path.stat().st_size - _footer_bytes(path) - len(_MAGIC) - (span[1] - span[0])


def vacuum(path: Path, target: Path) -> None:
    """Write a copy of a file with its own data only, at the same offset.

    The bytes before them become a hole, which takes no disk space.
    """
    span = data_span(path) or (len(_MAGIC), len(_MAGIC))
    size = path.stat().st_size
    with path.open("rb") as source, target.open("wb") as file:
        file.write(_MAGIC)
        file.seek(span[0])
        _copy(source, span, file.write)
        _copy(source, (size - _footer_bytes(path), size), file.write)


def _write_before(
    path: Path,
    schema: pa.Schema,
    parts: Parts,
    live: Path,
    live_span: Span,
    options: dict[str, Any],
) -> bool:
    """Write the data before those of the live file; return whether they fit."""
    with pa.OSFile(str(path), "wb") as file, pq.ParquetWriter(file, schema, **options) as writer:
        for part in _not_empty(parts):
            writer.write_table(part, part.num_rows)
            if file.tell() > live_span[0]:
                return False
        _pad_to(file, live_span[0])
        with live.open("rb") as source:
            _copy(source, live_span, file.write)
    return True


def _write_after(
    path: Path,
    schema: pa.Schema,
    parts: Parts,
    live: Path,
    live_span: Span,
    options: dict[str, Any],
) -> None:
    """Write the data after those of the live file, with padding between the two."""
    with pa.OSFile(str(path), "wb") as file, pq.ParquetWriter(file, schema, **options) as writer:
        _pad_to(file, live_span[0])
        with live.open("rb") as source:
            _copy(source, live_span, file.write)
        _pad_to(file, live_span[1] + int(_PADDING * (live_span[1] - live_span[0])))
        for part in _not_empty(parts):
            writer.write_table(part, part.num_rows)


def _move_footer(path: Path, size: int) -> None:
    """Move a file's footer so that the file has the given size; a hole fills the gap."""
    footer_bytes, end = _footer_bytes(path), path.stat().st_size
    with path.open("r+b") as file:
        file.seek(end - footer_bytes)
        footer = file.read(footer_bytes)
        file.truncate(end - footer_bytes)
        file.seek(size - footer_bytes)
        file.write(footer)


def _not_empty(parts: Parts) -> Iterator[pa.Table]:
    """Skip parts without rows: an empty row group has no offset in the file."""
    return (part for part in parts() if part.num_rows)


def _pad_to(file: pa.NativeFile, up_to: int) -> None:
    while (missing := up_to - file.tell()) > 0:
        file.write(bytes(min(missing, _CHUNK_BYTES)))


def _copy(source: BinaryIO, span: Span, write: Callable[[bytes], object]) -> None:
    source.seek(span[0])
    remaining = span[1] - span[0]
    while remaining > 0 and (chunk := source.read(min(remaining, _CHUNK_BYTES))):
        write(chunk)
        remaining -= len(chunk)


def _footer_bytes(path: Path) -> int:
    """Return the size of a file's footer, including the length field and the magic number."""
    with path.open("rb") as file:
        file.seek(-8, 2)
        return int.from_bytes(file.read(4), "little") + 8
