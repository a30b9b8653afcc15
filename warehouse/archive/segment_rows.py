"""Rows of the archive: made of entries, and turned back into responses."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.archive.entry import ARCHIVE_SCHEMA, RESPONSE_COLUMNS, ArchivedResponse, Entry
from warehouse.archive.segment_files import Reader

# Response number, fetch number, SHA-256 of the body, entry.
Taken: TypeAlias = tuple[int, int, bytes, Entry]
_SEGMENT_SCHEMA = ARCHIVE_SCHEMA.remove(ARCHIVE_SCHEMA.get_field_index("segment"))
_ENTRY_FIELDS = tuple(Entry.__slots__)
_entry_values = attrgetter(*_ENTRY_FIELDS)


def rows_of(taken: Sequence[Taken]) -> pa.Table:
    """Make the rows of a segment of entries that were taken in."""
    columns = list(zip(*(_entry_values(entry) for _, _, _, entry in taken), strict=True))
    values: dict[str, object] = dict(zip(_ENTRY_FIELDS, columns, strict=True))
    values["response_id"] = [response_id for response_id, _, _, _ in taken]
    values["fetch_id"] = [fetch_id for _, fetch_id, _, _ in taken]
    values["body_sha256"] = [digest for _, _, digest, _ in taken]
    values["body_bytes"] = [len(entry.body) for _, _, _, entry in taken]
    values["body_of"] = [None] * len(taken)
    arrays = [pa.array(values[field.name], type=field.type) for field in _SEGMENT_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=_SEGMENT_SCHEMA)


def between(rows: pa.Table, after: int, up_to: int | None) -> pa.Table:
    """Leave out the rows of segments outside a range."""
    wanted = pc.greater(rows["segment"], after)
    if up_to is not None:
        wanted = pc.and_(wanted, pc.less_equal(rows["segment"], up_to))
    return _filtered(rows, wanted)


def _filtered(rows: pa.Table, wanted: pa.ChunkedArray) -> pa.Table:
    """Filter, without copying the bodies where nothing is left out."""
    return rows if pc.all(wanted).as_py() else rows.filter(wanted)


def responses_of(reader: Reader, group: int, after: int, up_to: int) -> list[ArchivedResponse]:
    """Read the successful responses of a row group; nothing of Arrow's is kept alive."""
    rows = between(reader.read([group], [*RESPONSE_COLUMNS, "outcome"]), after, up_to)
    rows = _filtered(rows, pc.equal(rows["outcome"], "ok"))
    columns = [rows[name].to_pylist() for name in RESPONSE_COLUMNS]
    return [ArchivedResponse(*values) for values in zip(*columns, strict=True)]
