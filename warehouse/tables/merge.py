"""Merging of incoming rows into a table, as a pure function independent of the order of arrival.

Of all versions of a key, in order of response_id, each replaces the current one unless it only
turns values into nulls. If responses arrive out of order, that cannot be computed from the current
row alone, so every distinct content of a contested key is kept (with the newest response that
delivered it). Dropping an older occurrence of the same content never changes the result: "only
turns values into nulls" is reflexive and transitive, so any version that the older occurrence would
have replaced or rejected is replaced or rejected by the newer one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.errors import StoreError
from warehouse.interface.table_spec import TableSpec
from warehouse.storage.arrow_fields import arrow_field
from warehouse.tables.row_compare import Mask, RowComparison, compare_rows

NEW, IDENTICAL, SUPERSEDING, SUPERSEDED, DUPLICATE = range(5)
STANDS = arrow_field("stands", pa.bool_(), "Whether it is the current version")
_MAX_CODE = 1 << 62
_NO_RESPONSE = np.iinfo(np.int64).min
Indices = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge.

    Attributes:
        rows: All rows compared.
        winners: Indices of the table's rows, one per key, in order of the key.
        versions: All distinct versions of contested keys, with `stands`; empty if none.
        classes: For each incoming row, one of NEW, IDENTICAL, SUPERSEDING, SUPERSEDED, DUPLICATE.
    """

    rows: pa.Table
    winners: Indices
    versions: pa.Table
    classes: np.ndarray

    @property
    def current(self) -> pa.Table:
        """The table's rows."""
        return self.rows.take(pa.array(self.winners))


def merge(spec: TableSpec, current: pa.Table, versions: pa.Table, incoming: pa.Table) -> Merged:
    """Merge incoming rows into the stored rows of a table.

    Args:
        spec: The table.
        current: The stored rows, unique by key.
        versions: The stored versions of contested keys, with `stands`; may be empty.
        incoming: New rows, in any order, of any responses. Among rows of one response with the
            same key the last wins; the others are classified as DUPLICATE.
    """
    others = versions.filter(pc.invert(versions[STANDS.name])).drop_columns(STANDS.name)
    present = [part for part in (current, others, incoming) if part.num_rows] or [current]
    # Not combined, so that the rows are not in memory twice.
    rows = pa.concat_tables(present)
    first_incoming = current.num_rows + others.num_rows
    return _Merge(spec, rows, current.num_rows, first_incoming).result()


class _Merge:
    """One merge. Rows are numbered: current, then other stored versions, then incoming."""

    def __init__(
        self, spec: TableSpec, rows: pa.Table, current_rows: int, first_incoming: int
    ) -> None:
        self.spec = spec
        self.rows = rows
        self.content = rows.select(spec.content)
        self.first_incoming = first_incoming
        self.is_current = np.arange(rows.num_rows) < current_rows
        self.key = key_codes(rows, spec.key, spec.name)
        self.response = np.asarray(rows["response_id"].combine_chunks())
        self.classes = np.full(rows.num_rows, NEW, dtype=np.int8)

    def result(self) -> Merged:
        order = np.lexsort((np.arange(len(self.key)), self.response, self.key))
        order = self._without_duplicates(order)
        starts = _starts(self.key[order])
        contested = self._contested(order, starts)
        simple = order[~contested]
        winners = np.concatenate([self._resolve_simple(simple), self._empty()])
        kept = self._empty()
        if contested.any():
            contested_winners, kept = self._resolve_contested(order[contested])
            winners = np.concatenate([winners, contested_winners])
            winners = winners[np.argsort(self.key[winners], kind="stable")]
        return Merged(
            self.rows,
            winners,
            self._versions(kept, winners),
            self.classes[self.first_incoming :],
        )

    def _without_duplicates(self, order: Indices) -> Indices:
        """Drop all but the last row of a key in one response, which wins."""
        key, response = self.key[order], self.response[order]
        repeated = np.zeros(len(order), dtype=bool)
        repeated[:-1] = (key[1:] == key[:-1]) & (response[1:] == response[:-1])
        # A response that is merged twice repeats stored rows, which are not duplicates.
        repeated &= order >= self.first_incoming
        self.classes[order[repeated]] = DUPLICATE
        return order[~repeated]

    def _contested(self, order: Indices, starts: Indices) -> Mask:
        """Mark the rows of keys with more than one content; single rows are not compared."""
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(order))))
        follows = np.flatnonzero(group[1:] == group[:-1]) + 1
        differs = np.zeros(len(starts), dtype=bool)
        if len(follows):
            equal = self._compare(order[follows - 1], order[follows]).equal
            differs[group[follows[~equal]]] = True
        return differs[group]

    def _resolve_simple(self, order: Indices) -> Indices:
        """Return the newest row of each key with one content; classify the others as identical."""
        key = self.key[order]
        starts = _starts(key)
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(order))))
        stored = np.zeros(len(starts), dtype=bool)
        stored[group[order < self.first_incoming]] = True
        first = np.zeros(len(order), dtype=bool)
        first[starts] = True
        self.classes[order[~first | stored[group]]] = IDENTICAL
        ends = np.append(starts[1:], len(order)) - 1
        return order[ends] if len(order) else self._empty()

    def _resolve_contested(self, order: Indices) -> tuple[Indices, Indices]:
        """Fold the versions of each key; return the winners and the versions to keep."""
        starts = _starts(self.key[order])
        sizes = np.diff(np.append(starts, len(order)))
        state = self._fold(order, starts, sizes)
        kept = self._newest_of_each_content(order, starts, sizes)
        # The winner is the newest row with the content that the fold results in.
        group = np.repeat(np.arange(len(starts)), sizes)
        same = self._compare(state[group[kept]], order[kept]).equal
        winners = self._empty(len(starts))
        winners[group[kept][same]] = order[kept][same]
        self._classify_late(order, group, winners)
        return winners, order[kept]

    def _fold(self, order: Indices, starts: Indices, sizes: Indices) -> Indices:
        """Process the versions of all keys in parallel, oldest first; classify incoming rows."""
        state = order[starts].copy()
        for step in range(1, int(sizes.max())):
            remaining = np.flatnonzero(sizes > step)
            at = order[starts[remaining] + step]
            result = self._compare(state[remaining], at)
            self.classes[at] = np.where(
                result.equal, IDENTICAL, np.where(result.reduces, SUPERSEDED, SUPERSEDING)
            )
            replaces = result.equal | ~result.reduces
            state[remaining[replaces]] = at[replaces]
        return state

    def _newest_of_each_content(self, order: Indices, starts: Indices, sizes: Indices) -> Indices:
        """Return the positions in `order` of the last occurrence of each content of a key."""
        last = np.ones(len(order), dtype=bool)
        group = np.repeat(np.arange(len(starts)), sizes)
        for lag in range(1, int(sizes.max())):
            earlier = np.flatnonzero(group[lag:] == group[:-lag])
            equal = self._compare(order[earlier], order[earlier + lag]).equal
            last[earlier[equal]] = False
        return np.flatnonzero(last)

    def _classify_late(self, order: Indices, group: Indices, winners: Indices) -> None:
        """Classify incoming rows older than the stored ones by the result, not by the fold.

        Such a row is late: the rows before and after it in the fold were stored already.
        """
        # Numbers of other sources than the API are negative.
        newest_stored = np.full(len(winners), _NO_RESPONSE, dtype=np.int64)
        stored = order < self.first_incoming
        np.maximum.at(newest_stored, group[stored], self.response[order[stored]])
        late = np.flatnonzero(~stored & (self.response[order] < newest_stored[group]))
        if len(late) == 0:
            return
        before = np.full(len(winners), -1, dtype=np.int64)
        current = self.is_current[order]
        before[group[current]] = order[current]
        rows = order[late]
        self.classes[rows] = SUPERSEDED
        equal = self._compare(before[group[late]], rows).equal
        self.classes[rows[equal]] = IDENTICAL
        self.classes[rows[winners[group[late]] == rows]] = SUPERSEDING

    def _versions(self, kept: Indices, winners: Indices) -> pa.Table:
        rows = self.rows.take(pa.array(kept))
        return rows.append_column(STANDS, pa.array(np.isin(kept, winners)))

    def _compare(self, old: Indices, new: Indices) -> RowComparison:
        return compare_rows(self.content.take(pa.array(old)), self.content.take(pa.array(new)))

    @staticmethod
    def _empty(size: int = 0) -> Indices:
        return np.zeros(size, dtype=np.int64)


def _starts(sorted_key: np.ndarray) -> Indices:
    if len(sorted_key) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.append(True, sorted_key[1:] != sorted_key[:-1]))


def key_codes(rows: pa.Table, key: Sequence[str], table: str) -> np.ndarray:
    """Encode the key columns as one int64 per row, with the order and identity of the keys.

    Raises:
        StoreError: A key is null.
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
