"""Things with a history: one row for each thing and version, folded from observations of it.

Observations are taken in order of response_id. One that equals the version that stands confirms
it, as does one that only turns values of it into nulls; any other begins the next version. A thing
that a complete list of its own lacks is no more, until it is seen again. Where observations come
from, and where versions are kept, does not belong here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.interface.table_spec import PROVENANCE, VALID_FROM, VALID_TO, TableSpec
from warehouse.tables.key_codes import key_codes
from warehouse.tables.merge import DUPLICATE, IDENTICAL, NEW, SUPERSEDED, Indices
from warehouse.tables.row_compare import Mask, RowComparison, compare_rows


@dataclass(frozen=True, slots=True)
class Listing:
    """A complete fetch of a list: what it does not list was not there.

    Attributes:
        table: The table whose things it lists.
        listed_by: Which list, as in the table's column of that name.
        first_response_id: Response of its first page.
        last_response_id: Response of its last page.
        fetched_at: When it was complete (UTC).
    """

    table: str
    listed_by: str
    first_response_id: int
    last_response_id: int
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Folded:
    """The outcome of a fold.

    Attributes:
        rows: The versions, in order of thing and ``valid_from``.
        classes: For each observation one of NEW (it began a version), IDENTICAL, SUPERSEDED (it
            only lost values) or DUPLICATE.
    """

    rows: pa.Table
    classes: np.ndarray


def fold(
    spec: TableSpec, stored: pa.Table, observed: pa.Table, listings: Sequence[Listing]
) -> Folded:
    """Fold observations and lists into versions; both are newer than all that is stored.

    A version begins when it was first observed and ends with the next, or when a list first lacked
    the thing; where the clock ran back, a version still ends after it began. Its volatile columns
    are the newest observation's, but for nulls.

    Args:
        spec: The table; it has a history.
        stored: The versions so far.
        observed: Observations in the table's schema, in any order. Among those of one thing in one
            response the last counts; the others are classed DUPLICATE.
        listings: Complete fetches of lists of this table.
    """
    return _Fold(spec, stored, observed, listings).outcome()


class _Fold:
    """One fold. Rows are numbered: stored versions, then observations.

    What is walked through, in order of thing and response, is the newest stored version of each
    thing and the observations that count.
    """

    def __init__(
        self, spec: TableSpec, stored: pa.Table, observed: pa.Table, listings: Sequence[Listing]
    ) -> None:
        assert spec.history is not None
        self.spec = spec
        self.history = spec.history
        self.stored = stored.num_rows
        self.rows = pa.concat_tables([stored, observed]).combine_chunks()
        # Where there is nothing but a key, one thing's rows are equal, as their keys are.
        self.content = self.rows.select(spec.content or spec.key)
        self.listings = sorted(listings, key=lambda listing: listing.first_response_id)
        self.key = key_codes(self.rows, spec.key, spec.name)
        self.response = np.asarray(self.rows["response_id"].combine_chunks())
        self.classes = np.full(self.rows.num_rows, NEW, dtype=np.int8)

    def outcome(self) -> Folded:
        order = np.lexsort((np.arange(len(self.key)), self.response, self.key))
        key = self.key[order]
        followed = np.append(key[1:] == key[:-1], False)[: len(order)]
        is_past = followed & np.append(order[1:] < self.stored, False)[: len(order)]
        same = np.append(self.response[order][1:] == self.response[order][:-1], False)
        again = followed & same[: len(order)] & (order >= self.stored)
        self.classes[order[again]] = DUPLICATE
        walk = order[~again & ~is_past]
        self._walk(walk)
        versions = self._versions(walk)
        past = order[is_past]
        rows = pa.concat_tables([self.rows.take(pa.array(past)), versions])
        things = np.concatenate([self.key[past], self.key[walk[self.first]]])
        begun = np.asarray(rows[VALID_FROM].combine_chunks().cast(pa.int64()))
        rows = rows.take(pa.array(np.lexsort((begun, things))))
        return Folded(rows, self.classes[self.stored :])

    def _walk(self, walk: Indices) -> None:
        """Find where versions begin and end, and class the observations."""
        thing_begins = _changes(self.key[walk])
        self.is_last = np.append(thing_begins[1:], True)[: len(walk)]
        self._close(walk)
        follows = np.flatnonzero(~thing_begins)
        equal = np.zeros(len(walk), dtype=bool)
        equal[follows] = self._compare(walk[follows - 1], walk[follows]).equal
        equal[follows] &= ~self.closed[follows - 1]
        # A run is what stands unchanged: of its members only the first has to be looked at.
        runs = np.flatnonzero(~equal)
        begins, of_run = self._fold_runs(walk, runs, thing_begins[runs])
        run_of = np.cumsum(~equal) - 1
        classes = of_run[run_of]
        classes[equal & (classes == NEW)] = IDENTICAL
        self.classes[walk] = classes
        begin = np.zeros(len(walk), dtype=bool)
        begin[runs[begins]] = True
        self.first = np.flatnonzero(begin)
        self.last = np.append(self.first[1:], len(walk))[: len(self.first)] - 1

    def _close(self, walk: Indices) -> None:
        """Find for each row whether a list lacked the thing before it was seen again, and when."""
        rows = self.rows.take(pa.array(walk))
        self.ended_at = np.asarray(
            pc.fill_null(rows[VALID_TO].combine_chunks().cast(pa.int64()), 0)
        ).copy()
        self.closed = np.asarray(pc.is_valid(rows[VALID_TO])) & (walk < self.stored)
        lists = rows[self.history.listed_by].combine_chunks().dictionary_encode()
        number = {name: at for at, name in enumerate(lists.dictionary.to_pylist())}
        listings = [listing for listing in self.listings if listing.listed_by in number]
        if not listings:
            return
        after = np.array([listing.first_response_id for listing in listings], dtype=np.int64)
        until = np.array([listing.last_response_id for listing in listings], dtype=np.int64)
        at = pa.array([listing.fetched_at for listing in listings], pa.timestamp("us", tz="UTC"))
        ended = np.asarray(at.cast(pa.int64()))
        # One number for list and response, so that one search finds the next listing of a list.
        response = self.response[walk]
        moments = np.unique(np.concatenate([response, after]))
        span = len(moments)
        of_row = np.asarray(pc.fill_null(lists.indices, -1)).astype(np.int64)
        of_listing = np.array([number[listing.listed_by] for listing in listings], dtype=np.int64)
        codes = of_listing * span + np.searchsorted(moments, after)
        by_code = np.argsort(codes, kind="stable")
        wanted = of_row * span + np.searchsorted(moments, response)
        place = np.searchsorted(codes[by_code], wanted, side="right")
        found = by_code[np.minimum(place, len(listings) - 1)]
        exists = (place < len(listings)) & (of_listing[found] == of_row)
        seen_again = np.append(response[1:], 0)
        lacking = exists & (self.is_last | (until[found] < seen_again)) & ~self.closed
        self.closed |= lacking
        self.ended_at[lacking] = ended[found[lacking]]

    def _fold_runs(
        self, walk: Indices, runs: Indices, thing_begins: Mask
    ) -> tuple[Mask, np.ndarray]:
        """Walk all things' runs in step: which begin a version, and how their rows are classed."""
        begins = np.zeros(len(runs), dtype=bool)
        classes = np.full(len(runs), IDENTICAL, dtype=np.int8)
        first = np.flatnonzero(thing_begins)
        begins[first] = True
        classes[first] = NEW
        sizes = np.diff(np.append(first, len(runs)))
        standing = runs[first].copy()
        for step in range(1, int(sizes.max(initial=0))):
            alive = np.flatnonzero(sizes > step)
            run = first[alive] + step
            at = runs[run]
            result = self._compare(walk[standing[alive]], walk[at])
            new = self.closed[at - 1] | ~result.reduces
            begins[run] = new
            classes[run] = np.where(new, NEW, np.where(result.equal, IDENTICAL, SUPERSEDED))
            standing[alive[new]] = at[new]
        return begins, classes

    def _versions(self, walk: Indices) -> pa.Table:
        """Make the row of each version."""
        held, newest = walk[self.first], walk[self.last]
        of_newest = (*PROVENANCE, self.history.listed_by)
        begun, ended = self._times(walk)
        columns: list[pa.Array | pa.ChunkedArray] = []
        for name in self.spec.schema.names:
            column = self.rows[name].combine_chunks()
            if name in (VALID_FROM, VALID_TO):
                column = begun if name == VALID_FROM else ended
            elif name in self.history.unversioned_columns:
                column = column.take(self._last_known(column.take(pa.array(walk)), walk))
            else:
                column = column.take(pa.array(newest if name in of_newest else held))
            columns.append(column)
        return pa.Table.from_arrays(columns, schema=self.spec.schema)

    def _last_known(self, walked: pa.Array, walk: Indices) -> pa.Array:
        """Return for each version the last of its rows that has a value; null when none has."""
        known = np.where(np.asarray(walked.is_valid()), np.arange(len(walk)), -1)
        at = np.maximum.accumulate(known)[self.last]
        return pa.array(walk[np.maximum(at, self.first)], mask=at < self.first)

    def _times(self, walk: Indices) -> tuple[pa.Array, pa.Array]:
        """Return when each version began and ended."""
        rows = self.rows.take(pa.array(walk[self.first]))
        is_stored = walk[self.first] < self.stored
        begun, seen = (
            np.asarray(pc.fill_null(rows[name].combine_chunks().cast(pa.int64()), 0))
            for name in (VALID_FROM, "fetched_at")
        )
        begun = np.where(is_stored, begun, seen)
        closed, ended = self.closed[self.last], self.ended_at[self.last].copy()
        open_ended = ~closed & self.is_last[self.last]
        thing = _changes(self.key[walk[self.first]])
        start = np.flatnonzero(thing)
        sizes = np.diff(np.append(start, len(thing)))
        for step in range(int(sizes.max(initial=0))):
            at = start[sizes > step] + step
            if step:
                begun[at] = np.maximum(begun[at], ended[at - 1])
            followed = at[~closed[at] & ~open_ended[at]]
            ended[followed] = begun[followed + 1]
            # A clock that ran back must not end a version before it began.
            ended[at] = np.maximum(ended[at], begun[at] + 1)
        kind = self.spec.schema.field(VALID_FROM).type
        return pa.array(begun, kind), pa.array(ended, kind, mask=open_ended)

    def _compare(self, old: Indices, new: Indices) -> RowComparison:
        return compare_rows(self.content.take(pa.array(old)), self.content.take(pa.array(new)))


def _changes(codes: np.ndarray) -> Mask:
    """Mark where a sorted column begins a new value."""
    changed: Mask = np.ones(len(codes), dtype=bool)
    changed[1:] = codes[1:] != codes[:-1]
    return changed
