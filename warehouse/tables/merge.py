"""The law of puts as a pure function: what stands after rows have come in, in whatever order.

Over all versions of a key, in order of response_id, a version takes the place of the one that
stands unless it only turns values into nulls. That cannot be computed from the standing row alone
when responses come out of order, so every distinct content of a contested key is kept (with the
newest response that brought it). Dropping an older occurrence of the same content never changes
the outcome: "only turns values into nulls" is reflexive and transitive, so a version that the
older occurrence would have displaced, or kept out, is displaced or kept out by the newer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.interface.table_spec import TableSpec
from warehouse.tables.key_codes import key_codes
from warehouse.tables.row_compare import Mask, RowComparison, compare_rows

NEW, IDENTICAL, SUPERSEDING, SUPERSEDED, DUPLICATE = range(5)
STANDS = pa.field("stands", pa.bool_(), metadata={"description": "Whether it is in the table"})
Indices = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome of a merge.

    Attributes:
        rows: All rows that took part.
        winners: Which of them are the table's rows, one per key, in order of the key.
        versions: All distinct versions of contested keys, with ``stands``; empty when none.
        classes: For each incoming row one of NEW, IDENTICAL, SUPERSEDING, SUPERSEDED, DUPLICATE.
    """

    rows: pa.Table
    winners: Indices
    versions: pa.Table
    classes: np.ndarray

    @property
    def standing(self) -> pa.Table:
        """The table's rows."""
        return self.rows.take(pa.array(self.winners))


def merge(spec: TableSpec, standing: pa.Table, versions: pa.Table, incoming: pa.Table) -> Merged:
    """Apply the law to what is stored and what comes in.

    Args:
        spec: The table.
        standing: The stored rows, unique by key.
        versions: The stored versions of contested keys, with ``stands``; may be empty.
        incoming: New rows, in any order, of any responses. Among rows of one response with the
            same key the last wins; the others are classed DUPLICATE.
    """
    others = versions.filter(pc.invert(versions[STANDS.name])).drop_columns(STANDS.name)
    present = [part for part in (standing, others, incoming) if part.num_rows] or [standing]
    # Not combined, so that the rows do not stand in memory twice.
    rows = pa.concat_tables(present)
    first_incoming = standing.num_rows + others.num_rows
    work = _Work(spec, rows, standing.num_rows, first_incoming)
    return work.outcome()


class _Work:
    """One merge. Rows are numbered: standing, then other stored versions, then incoming."""

    def __init__(self, spec: TableSpec, rows: pa.Table, standing: int, first_incoming: int) -> None:
        self.spec = spec
        self.rows = rows
        self.content = rows.select(spec.content)
        self.first_incoming = first_incoming
        self.is_standing = np.arange(rows.num_rows) < standing
        self.key = key_codes(rows, spec.key, spec.name)
        self.response = np.asarray(rows["response_id"].combine_chunks())
        self.classes = np.full(rows.num_rows, NEW, dtype=np.int8)

    def outcome(self) -> Merged:
        order = np.lexsort((np.arange(len(self.key)), self.response, self.key))
        order = self._without_duplicates(order)
        starts = _starts(self.key[order])
        contested = self._contested(order, starts)
        simple = order[~contested]
        winners = np.concatenate([self._settle_simple(simple), self._empty()])
        kept = self._empty()
        if contested.any():
            won, kept = self._settle_contested(order[contested])
            winners = np.concatenate([winners, won])
            winners = winners[np.argsort(self.key[winners], kind="stable")]
        return Merged(
            self.rows,
            winners,
            self._versions(kept, winners),
            self.classes[self.first_incoming :],
        )

    def _without_duplicates(self, order: Indices) -> Indices:
        """Within one response the later position wins."""
        key, response = self.key[order], self.response[order]
        again = np.zeros(len(order), dtype=bool)
        again[:-1] = (key[1:] == key[:-1]) & (response[1:] == response[:-1])
        # The same response put twice repeats stored rows: those are not its duplicates.
        again &= order >= self.first_incoming
        self.classes[order[again]] = DUPLICATE
        return order[~again]

    def _contested(self, order: Indices, starts: Indices) -> Mask:
        """Mark rows of keys with more than one content, without looking at lone rows."""
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(order))))
        follows = np.flatnonzero(group[1:] == group[:-1]) + 1
        differs = np.zeros(len(starts), dtype=bool)
        if len(follows):
            equal = self._compare(order[follows - 1], order[follows]).equal
            differs[group[follows[~equal]]] = True
        return differs[group]

    def _settle_simple(self, order: Indices) -> Indices:
        """Keys of one content: the newest delivery stays, the others were identical."""
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

    def _settle_contested(self, order: Indices) -> tuple[Indices, Indices]:
        """Fold each key's versions; return the winners and the versions to be kept."""
        starts = _starts(self.key[order])
        sizes = np.diff(np.append(starts, len(order)))
        state = self._fold(order, starts, sizes)
        kept = self._newest_of_each_content(order, starts, sizes)
        # The winner is the newest delivery of the content that the fold ended with.
        group = np.repeat(np.arange(len(starts)), sizes)
        same = self._compare(state[group[kept]], order[kept]).equal
        winners = self._empty(len(starts))
        winners[group[kept][same]] = order[kept][same]
        self._class_late(order, group, winners)
        return winners, order[kept]

    def _fold(self, order: Indices, starts: Indices, sizes: Indices) -> Indices:
        """Walk all keys' versions in step, from the oldest, and class incoming rows on the way."""
        state = order[starts].copy()
        for step in range(1, int(sizes.max())):
            alive = np.flatnonzero(sizes > step)
            at = order[starts[alive] + step]
            result = self._compare(state[alive], at)
            self.classes[at] = np.where(
                result.equal, IDENTICAL, np.where(result.reduces, SUPERSEDED, SUPERSEDING)
            )
            won = result.equal | ~result.reduces
            state[alive[won]] = at[won]
        return state

    def _newest_of_each_content(self, order: Indices, starts: Indices, sizes: Indices) -> Indices:
        """Return positions in ``order`` of the last occurrence of each content of a key."""
        last = np.ones(len(order), dtype=bool)
        group = np.repeat(np.arange(len(starts)), sizes)
        for lag in range(1, int(sizes.max())):
            earlier = np.flatnonzero(group[lag:] == group[:-lag])
            equal = self._compare(order[earlier], order[earlier + lag]).equal
            last[earlier[equal]] = False
        return np.flatnonzero(last)

    def _class_late(self, order: Indices, group: Indices, winners: Indices) -> None:
        """Class incoming rows that are older than what is stored by how it ended, not on the way.

        Such a row came late: the rows that the fold met before and after it stood already.
        """
        newest_stored = np.full(len(winners), -1, dtype=np.int64)
        stored = order < self.first_incoming
        np.maximum.at(newest_stored, group[stored], self.response[order[stored]])
        late = np.flatnonzero(~stored & (self.response[order] < newest_stored[group]))
        if len(late) == 0:
            return
        before = np.full(len(winners), -1, dtype=np.int64)
        held = self.is_standing[order]
        before[group[held]] = order[held]
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
