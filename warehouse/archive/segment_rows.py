"""Conversion of entries to archive rows, and of archive rows to responses."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.archive.entry import ARCHIVE_SCHEMA, RESPONSE_COLUMNS, ArchivedResponse, Entry
from warehouse.archive.segment_files import Reader

# response_id, fetch_id, SHA-256 of the body, entry.
NumberedEntry: TypeAlias = tuple[int, int, bytes, Entry]
_SEGMENT_SCHEMA = ARCHIVE_SCHEMA.remove(ARCHIVE_SCHEMA.get_field_index("segment"))
_ENTRY_FIELDS = tuple(Entry.__slots__)
_entry_values = attrgetter(*_ENTRY_FIELDS)


def to_rows(entries: Sequence[NumberedEntry]) -> pa.Table:
    """Return entries as the rows of a segment."""
    columns = list(zip(*(_entry_values(entry) for _, _, _, entry in entries), strict=True))
    values: dict[str, object] = dict(zip(_ENTRY_FIELDS, columns, strict=True))
    values["response_id"] = [response_id for response_id, _, _, _ in entries]
    values["fetch_id"] = [fetch_id for _, fetch_id, _, _ in entries]
    values["body_sha256"] = [digest for _, _, digest, _ in entries]
    values["body_bytes"] = [len(entry.body) for _, _, _, entry in entries]
    values["body_of"] = [None] * len(entries)
    arrays = [pa.array(values[field.name], type=field.type) for field in _SEGMENT_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=_SEGMENT_SCHEMA)


def filter_segments(rows: pa.Table, after: int, up_to: int | None) -> pa.Table:
    """Return the rows of the segments in (`after`, `up_to`]."""
    mask = pc.greater(rows["segment"], after)
    if up_to is not None:
        mask = pc.and_(mask, pc.less_equal(rows["segment"], up_to))
    return _filtered(rows, mask)


def _filtered(rows: pa.Table, mask: pa.ChunkedArray) -> pa.Table:
    """Filter rows, without a copy of the bodies if all rows match."""
    return rows if pc.all(mask).as_py() else rows.filter(mask)


def read_responses(reader: Reader, group: int, after: int, up_to: int) -> list[ArchivedResponse]:
    """Return the successful responses of a row group as Python objects, without Arrow memory."""
    rows = filter_segments(reader.read([group], [*RESPONSE_COLUMNS, "outcome"]), after, up_to)
    rows = _filtered(rows, pc.equal(rows["outcome"], "ok"))
    columns = [rows[name].to_pylist() for name in RESPONSE_COLUMNS]
    return [ArchivedResponse(*values) for values in zip(*columns, strict=True)]
