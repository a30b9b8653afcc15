"""Slowly changing dimensions (type 2): versions of entities, folded from observations.

Observations are processed in order of response_id. One that equals the current version confirms it,
as does one that only turns values into nulls; any other begins the next version. An entity that is
not in a complete fetch of its list has ended, until it is observed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.interface.decoder_protocol import Listing
from warehouse.interface.table_spec import PROVENANCE, VALID_FROM, VALID_TO, TableSpec
from warehouse.tables.merge import DUPLICATE, IDENTICAL, NEW, SUPERSEDED, Indices, key_codes
from warehouse.tables.row_compare import Mask, RowComparison, compare_rows


@dataclass(frozen=True, slots=True)
class Folded:
    """The result of a fold.

    Attributes:
        rows: The versions, in order of entity and `valid_from`.
        classes: For each observation, one of NEW (it begins a version), IDENTICAL, SUPERSEDED (it
            only loses values) or DUPLICATE.
    """

    rows: pa.Table
    classes: np.ndarray


def fold(
    spec: TableSpec, stored: pa.Table, observed: pa.Table, listings: Sequence[Listing]
) -> Folded:
    """Fold observations and lists into versions; both must be newer than the stored versions.

    A version begins with its first observation and ends with the next version, or when the entity
    is first missing from a list; it ends after it begins even if the clock was set back. Its
    unversioned columns have the newest values that are not null.

    Args:
        spec: The table, which has a history.
        stored: The versions so far.
        observed: Observations in the table's schema, in any order. Of those of one entity in one
            response the last is used; the others are classified as DUPLICATE.
        listings: Complete fetches of lists of this table.
    """
    return _Fold(spec, stored, observed, listings).result()


class _Fold:
    """One fold. Rows are numbered: stored versions, then observations.

    `ordered` contains, by entity and response, the newest stored version of each entity and the
    observations without duplicates.
    """

    def __init__(
        self, spec: TableSpec, stored: pa.Table, observed: pa.Table, listings: Sequence[Listing]
    ) -> None:
        assert spec.history is not None
        self.spec = spec
        self.history = spec.history
        self.stored = stored.num_rows
        self.rows = pa.concat_tables([stored, observed]).combine_chunks()
        # Without content columns, the rows of an entity are equal, as their keys are.
        self.content = self.rows.select(spec.content or spec.key)
        self.listings = sorted(listings, key=lambda listing: listing.first_response_id)
        self.key = key_codes(self.rows, spec.key, spec.name)
        self.response = np.asarray(self.rows["response_id"].combine_chunks())
        self.classes = np.full(self.rows.num_rows, NEW, dtype=np.int8)

    def result(self) -> Folded:
        order = np.lexsort((np.arange(len(self.key)), self.response, self.key))
        key = self.key[order]
        followed = np.append(key[1:] == key[:-1], False)[: len(order)]
        is_past = followed & np.append(order[1:] < self.stored, False)[: len(order)]
        same = np.append(self.response[order][1:] == self.response[order][:-1], False)
        repeated = followed & same[: len(order)] & (order >= self.stored)
        self.classes[order[repeated]] = DUPLICATE
        ordered = order[~repeated & ~is_past]
        self._find_versions(ordered)
        versions = self._versions(ordered)
        past = order[is_past]
        rows = pa.concat_tables([self.rows.take(pa.array(past)), versions])
        entities = np.concatenate([self.key[past], self.key[ordered[self.first]]])
        begun = np.asarray(rows[VALID_FROM].combine_chunks().cast(pa.int64()))
        rows = rows.take(pa.array(np.lexsort((begun, entities))))
        return Folded(rows, self.classes[self.stored :])

    def _find_versions(self, ordered: Indices) -> None:
        """Find where versions begin and end, and classify the observations."""
        entity_begins = _changes(self.key[ordered])
        self.is_last = np.append(entity_begins[1:], True)[: len(ordered)]
        self._close(ordered)
        follows = np.flatnonzero(~entity_begins)
        equal = np.zeros(len(ordered), dtype=bool)
        equal[follows] = self._compare(ordered[follows - 1], ordered[follows]).equal
        equal[follows] &= ~self.closed[follows - 1]
        # A run has unchanged content: only its first row needs to be compared.
        runs = np.flatnonzero(~equal)
        begins, run_classes = self._fold_runs(ordered, runs, entity_begins[runs])
        run_of = np.cumsum(~equal) - 1
        classes = run_classes[run_of]
        classes[equal & (classes == NEW)] = IDENTICAL
        self.classes[ordered] = classes
        begin = np.zeros(len(ordered), dtype=bool)
        begin[runs[begins]] = True
        self.first = np.flatnonzero(begin)
        self.last = np.append(self.first[1:], len(ordered))[: len(self.first)] - 1

    def _close(self, ordered: Indices) -> None:
        """Find whether and when a list lacks the entity of each row before its next observation."""
        rows = self.rows.take(pa.array(ordered))
        self.ended_at = np.asarray(
            pc.fill_null(rows[VALID_TO].combine_chunks().cast(pa.int64()), 0)
        ).copy()
        self.closed = np.asarray(pc.is_valid(rows[VALID_TO])) & (ordered < self.stored)
        lists = rows[self.history.listed_by].combine_chunks().dictionary_encode()
        list_number = {name: at for at, name in enumerate(lists.dictionary.to_pylist())}
        listings = [listing for listing in self.listings if listing.listed_by in list_number]
        if not listings:
            return
        after = np.array([listing.first_response_id for listing in listings], dtype=np.int64)
        until = np.array([listing.last_response_id for listing in listings], dtype=np.int64)
        at = pa.array([listing.fetched_at for listing in listings], pa.timestamp("us", tz="UTC"))
        ended = np.asarray(at.cast(pa.int64()))
        # One code for list and response, so that one search finds the next listing of a list.
        response = self.response[ordered]
        moments = np.unique(np.concatenate([response, after]))
        span = len(moments)
        list_of_row = np.asarray(pc.fill_null(lists.indices, -1)).astype(np.int64)
        list_of_listing = np.array(
            [list_number[listing.listed_by] for listing in listings], dtype=np.int64
        )
        codes = list_of_listing * span + np.searchsorted(moments, after)
        by_code = np.argsort(codes, kind="stable")
        row_codes = list_of_row * span + np.searchsorted(moments, response)
        position = np.searchsorted(codes[by_code], row_codes, side="right")
        following = by_code[np.minimum(position, len(listings) - 1)]
        exists = (position < len(listings)) & (list_of_listing[following] == list_of_row)
        next_response = np.append(response[1:], 0)
        ends = exists & (self.is_last | (until[following] < next_response)) & ~self.closed
        self.closed |= ends
        self.ended_at[ends] = ended[following[ends]]

    def _fold_runs(
        self, ordered: Indices, runs: Indices, entity_begins: Mask
    ) -> tuple[Mask, np.ndarray]:
        """Process the runs of all entities in parallel; return version starts and classes."""
        begins = np.zeros(len(runs), dtype=bool)
        classes = np.full(len(runs), IDENTICAL, dtype=np.int8)
        first = np.flatnonzero(entity_begins)
        begins[first] = True
        classes[first] = NEW
        sizes = np.diff(np.append(first, len(runs)))
        current = runs[first].copy()
        for step in range(1, int(sizes.max(initial=0))):
            remaining = np.flatnonzero(sizes > step)
            run = first[remaining] + step
            at = runs[run]
            result = self._compare(ordered[current[remaining]], ordered[at])
            new = self.closed[at - 1] | ~result.reduces
            begins[run] = new
            classes[run] = np.where(new, NEW, np.where(result.equal, IDENTICAL, SUPERSEDED))
            current[remaining[new]] = at[new]
        return begins, classes

    def _versions(self, ordered: Indices) -> pa.Table:
        """Return the row of each version."""
        oldest, newest = ordered[self.first], ordered[self.last]
        from_newest = (*PROVENANCE, self.history.listed_by)
        begun, ended = self._times(ordered)
        columns: list[pa.Array | pa.ChunkedArray] = []
        for name in self.spec.schema.names:
            column = self.rows[name].combine_chunks()
            if name in (VALID_FROM, VALID_TO):
                column = begun if name == VALID_FROM else ended
            elif name in self.history.unversioned_columns:
                column = column.take(self._last_known(column.take(pa.array(ordered)), ordered))
            else:
                column = column.take(pa.array(newest if name in from_newest else oldest))
            columns.append(column)
        return pa.Table.from_arrays(columns, schema=self.spec.schema)

    def _last_known(self, values: pa.Array, ordered: Indices) -> pa.Array:
        """Return for each version its last row with a value; null if there is none."""
        known = np.where(np.asarray(values.is_valid()), np.arange(len(ordered)), -1)
        at = np.maximum.accumulate(known)[self.last]
        return pa.array(ordered[np.maximum(at, self.first)], mask=at < self.first)

    def _times(self, ordered: Indices) -> tuple[pa.Array, pa.Array]:
        """Return when each version began and ended."""
        rows = self.rows.take(pa.array(ordered[self.first]))
        is_stored = ordered[self.first] < self.stored
        begun, seen = (
            np.asarray(pc.fill_null(rows[name].combine_chunks().cast(pa.int64()), 0))
            for name in (VALID_FROM, "fetched_at")
        )
        begun = np.where(is_stored, begun, seen)
        closed, ended = self.closed[self.last], self.ended_at[self.last].copy()
        open_ended = ~closed & self.is_last[self.last]
        entity_starts = _changes(self.key[ordered[self.first]])
        start = np.flatnonzero(entity_starts)
        sizes = np.diff(np.append(start, len(entity_starts)))
        for step in range(int(sizes.max(initial=0))):
            at = start[sizes > step] + step
            if step:
                begun[at] = np.maximum(begun[at], ended[at - 1])
            followed = at[~closed[at] & ~open_ended[at]]
            ended[followed] = begun[followed + 1]
            # A clock that was set back must not end a version before it begins.
            ended[at] = np.maximum(ended[at], begun[at] + 1)
        kind = self.spec.schema.field(VALID_FROM).type
        return pa.array(begun, kind), pa.array(ended, kind, mask=open_ended)

    def _compare(self, old: Indices, new: Indices) -> RowComparison:
        return compare_rows(self.content.take(pa.array(old)), self.content.take(pa.array(new)))


def _changes(codes: np.ndarray) -> Mask:
    """Mark where the value of a sorted column changes."""
    changed: Mask = np.ones(len(codes), dtype=bool)
    changed[1:] = codes[1:] != codes[:-1]
    return changed
