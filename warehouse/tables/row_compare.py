"""Comparison of rows column by column: equal content, and loss of values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class RowComparison:
    """For each pair of rows: `equal`, and `reduces`: the new row only replaces values by null."""

    equal: Mask
    reduces: Mask


def compare_rows(old: pa.Table, new: pa.Table) -> RowComparison:
    """Compare two tables of the same columns and length row by row.

    `reduces` includes equality, so it is reflexive and transitive. Floats are compared by their
    bits: -0.0 differs from 0.0, since both orders of arrival must result in the same file.
    """
    equal = np.ones(old.num_rows, dtype=bool)
    reduces = np.ones(old.num_rows, dtype=bool)
    for name in old.column_names:
        result = _compare(_combined(old[name]), _combined(new[name]))
        equal &= result.equal
        reduces &= result.reduces
    return RowComparison(equal, reduces)


def _combined(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks() if column.num_chunks else pa.array([], column.type)


def _compare(old: pa.Array, new: pa.Array) -> RowComparison:
    old_valid, new_valid = _valid(old), _valid(new)
    kind = old.type
    if pa.types.is_struct(kind):
        inside = _compare_structs(old, new)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inside = _compare_lists(old, new)
    else:
        same = _same_values(old, new)
        inside = RowComparison(same, same)
    both = old_valid & new_valid
    return RowComparison(
        (both & inside.equal) | (~old_valid & ~new_valid),
        ~new_valid | (both & inside.reduces),
    )


def _valid(array: pa.Array) -> Mask:
    if array.null_count == 0:
        return np.ones(len(array), dtype=bool)
    valid: Mask = np.asarray(array.is_valid(), dtype=bool)
    return valid


def _same_values(old: pa.Array, new: pa.Array) -> Mask:
    """Compare leaf values; buffer contents at nulls are ignored by the caller."""
    kind = old.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_temporal(kind):
        same: Mask = _bits(old) == _bits(new)
        return same
    if pa.types.is_dictionary(kind):
        old, new = old.dictionary_decode(), new.dictionary_decode()
    return np.asarray(pc.fill_null(pc.equal(old, new), False))


def _bits(array: pa.Array) -> np.ndarray:
    """View a fixed-width column's buffer as integers, without a copy."""
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), dtype=f"i{width}")
    whole = np.frombuffer(data, dtype=f"i{width}")
    return whole[array.offset : array.offset + len(array)]


def _compare_structs(old: pa.StructArray, new: pa.StructArray) -> RowComparison:
    equal = np.ones(len(old), dtype=bool)
    reduces = np.ones(len(old), dtype=bool)
    for old_child, new_child in zip(old.flatten(), new.flatten(), strict=True):
        result = _compare(old_child, new_child)
        equal &= result.equal
        reduces &= result.reduces
    return RowComparison(equal, reduces)


def _compare_lists(old: pa.ListArray, new: pa.ListArray) -> RowComparison:
    """Compare element by element; lists of different lengths are different."""
    lengths = np.asarray(pc.fill_null(old.value_lengths(), -1))
    same_length = lengths == np.asarray(pc.fill_null(new.value_lengths(), -1))
    rows = pa.array(np.flatnonzero(same_length & (lengths > 0)))
    inside = _compare(old.take(rows).flatten(), new.take(rows).flatten())
    owner = np.repeat(np.asarray(rows), lengths[np.asarray(rows)])
    equal, reduces = same_length.copy(), same_length.copy()
    equal[owner[~inside.equal]] = False
    reduces[owner[~inside.reduces]] = False
    return RowComparison(equal, reduces)
