"""Encoding of the key columns of a table as one sortable integer per row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.errors import StoreError

_MAX_CODE = 1 << 62


def key_codes(rows: pa.Table, key: Sequence[str], table: str) -> np.ndarray:
    """Return one int64 per row, with the order and identity of the keys.

    Raises:
        StoreError: a key is null.
    """
    code = np.zeros(rows.num_rows, dtype=np.int64)
    span = 1
    for name in key:
        column = rows[name].combine_chunks()
        if column.null_count:
            raise StoreError(
                f"column {name!r} is part of the key of table {table} and is null in "
                f"{column.null_count} rows: the decoder must quarantine them"
            )
        part, part_span = _codes(column)
        if span > _MAX_CODE // max(part_span, 1):
            _, code = np.unique(code, return_inverse=True)
            span = rows.num_rows + 1
        if span > _MAX_CODE // max(part_span, 1):
            _, part = np.unique(part, return_inverse=True)
            part_span = rows.num_rows + 1
        code = code * part_span + part
        span *= part_span
    return code


def _codes(column: pa.Array) -> tuple[np.ndarray, int]:
    """Return order-preserving codes from 0, and their number."""
    if len(column) == 0:
        return np.zeros(0, dtype=np.int64), 1
    if pa.types.is_timestamp(column.type) or pa.types.is_integer(column.type):
        values = np.asarray(column.cast(pa.int64()))
    elif pa.types.is_date32(column.type):
        values = np.asarray(column.cast(pa.int32())).astype(np.int64)
    else:
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        order = pc.sort_indices(encoded.dictionary)
        rank = np.empty(len(order), dtype=np.int64)
        rank[np.asarray(order)] = np.arange(len(order))
        return rank[np.asarray(encoded.indices)], len(order)
    low = int(values.min())
    return values - low, int(values.max()) - low + 1
