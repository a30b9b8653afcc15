"""The rows of one table from a batch of responses: valid ones, and what is wrong with the others.

In this order: a key that cannot be read, failed checks of it, a time that was not requested and a
repeated key cost the row; any other value that cannot be true becomes null.
"""

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import pyarrow as pa

from assets.framework.contract.column_schema import name_column
from assets.framework.contract.columns import code_names
from assets.framework.contract.json_rows import Misfit, Rejected, Rows
from assets.framework.contract.requested_time import TimeSpan
from assets.framework.contract.table import Table, TableRows
from assets.framework.decoding.invalid_values import (
    NulledValue,
    Validated,
    without_invalid_values,
)
from assets.framework.decoding.quarantine_log import QuarantineLog
from givenergy.codes import domain
from warehouse.archive import ArchivedResponse
from warehouse.storage.parquet_files import empty_table
from warehouse.tables.merge import key_codes

_NUMBER_IN_LIST = re.compile(r"\[(\d+)\]")


class TableAccumulator:
    """The rows of one table, each traceable to its place in a response.

    Attributes:
        columns_of_leaves: Names of the columns of each JSON leaf.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._schema = table.arrow_schema
        self._codes = {
            name: {code.code.upper(): code.name for code in domain(codes)}
            for name, description in table.schema.columns.items()
            if (codes := description.codes)
        }
        self.columns_of_leaves: dict[str, list[str]] = {}
        for name, description in table.schema.columns.items():
            if (source := description.source) is not None:
                self.columns_of_leaves.setdefault(source, []).append(name)
        self._responses: list[ArchivedResponse] = []
        self._parts: list[pa.Table] = []
        self._elements: list[Sequence[int]] = []
        self._indexes: list[np.ndarray] = []
        self._starts = [0]
        self._unreadable: dict[int, Misfit] = {}
        self._misfits: list[NulledValue] = []
        self._not_requested: dict[int, tuple[str, TimeSpan]] = {}

    def add(
        self,
        page: ArchivedResponse,
        part: TableRows,
        indexes: np.ndarray,
        drift: Any,
        listed_by: str,
        requested: TimeSpan | None,
    ) -> None:
        """Add the rows of a page; count undocumented codes as drift."""
        columns = dict(part.columns)
        count = len(part.elements)

        def repeat(name: str, value: object) -> None:
            kind = self._schema.field(name).type
            columns[name] = pa.repeat(pa.scalar(value, kind), count)

        repeat("response_id", page.response_id)
        repeat("fetched_at", page.fetched_at)
        if self._table.unversioned_columns is not None:
            repeat("valid_from", page.fetched_at)
            repeat("valid_to", None)
            repeat("listed_by", listed_by)
        for coded, names in self._codes.items():
            columns[name_column(coded)], unknown = code_names(columns[coded], names)
            for code, number in unknown.items():
                drift["unknown_code", coded, code] += number
        rows = pa.table([columns[name] for name in self._schema.names], schema=self._schema)
        start = self._starts[-1]
        if requested is not None:
            for name in (self._table.time_column, *self._table.requested_columns):
                if name is not None:
                    times = rows[name].combine_chunks()
                    for row in np.flatnonzero(requested.outside(times)).tolist():
                        self._not_requested.setdefault(start + row, (name, requested))
        self._starts.append(start + count)
        self._parts.append(rows)
        self._responses.append(page)
        self._elements.append(part.elements)
        self._indexes.append(indexes)

    def add_misfits(self, rows: Rows[Any], part: TableRows, elsewhere: Set[str] | None) -> None:
        """Note the values of the page added last that could not be read.

        Args:
            rows: Rows of the page.
            part: Rows of this table from it.
            elsewhere: JSON leaves that other tables have; None if another table takes the values
                that are in no column.
        """
        if not rows.misfits:
            return
        start = self._starts[-2]
        essential = self._table.essential_columns
        rows_of: dict[int, list[int]] = {}
        for row, position in enumerate(part.elements):
            rows_of.setdefault(position, []).append(row)
        for index, misfits in rows.misfits.items():
            own = rows_of.get(rows.positions[index], [])
            for misfit in misfits:
                columns = self.columns_of_leaves.get(misfit.field, [])
                is_ours = bool(columns) or (elsewhere is not None and misfit.field not in elsewhere)
                if not own or not is_ours:
                    continue
                affected = _rows_at(misfit.path, own, part)
                if essential.isdisjoint(columns):
                    self._misfits.append(
                        NulledValue(
                            start + affected[0], "not_decodable", misfit.field, misfit.value
                        )
                    )
                else:
                    self._unreadable.update((start + row, misfit) for row in affected)

    def rows(self, quarantine: QuarantineLog) -> pa.Table:
        """Return the valid rows, one per key and fetch; quarantine the others."""
        table = pa.concat_tables(self._parts) if self._parts else empty_table(self._schema)
        if not table.num_rows:
            return table
        is_valid = np.ones(table.num_rows, dtype=bool)
        for row, misfit in self._unreadable.items():
            self._quarantine_row(
                row, is_valid, quarantine, "not_decodable", misfit.field, misfit.value
            )
        validated = without_invalid_values(self._table, table)
        table = validated.rows
        self._quarantine_invalid(validated, is_valid, quarantine)
        for row, (name, requested) in self._not_requested.items():
            text = f"{table[name][row].as_py():%Y-%m-%dT%H:%M:%SZ}"
            self._quarantine_row(
                row, is_valid, quarantine, "time_not_requested", name, text, str(requested)
            )
        self._drop_duplicates(table, is_valid, quarantine)
        for nulled in [*self._misfits, *validated.nulled]:
            if is_valid[nulled.row]:
                self._quarantine_value(nulled, quarantine)
        return table if is_valid.all() else table.filter(pa.array(is_valid))

    def _quarantine_invalid(
        self, validated: Validated, is_valid: np.ndarray, quarantine: QuarantineLog
    ) -> None:
        for row, faults in sorted(validated.invalid.items()):
            checks = "; ".join(dict.fromkeys(f"{fault.column}: {fault.check}" for fault in faults))
            fault = faults[0]
            self._quarantine_row(
                row, is_valid, quarantine, "check_failed", fault.column, fault.value, checks
            )

    def _drop_duplicates(
        self, table: pa.Table, is_valid: np.ndarray, quarantine: QuarantineLog
    ) -> None:
        """Keep the last of several valid rows with one key in a fetch; quarantine the others.

        A later row that only turns values into nulls is not kept.
        """
        key = list(self._table.key)
        fetches = np.repeat(
            [response.fetch_id for response in self._responses],
            [part.num_rows for part in self._parts],
        )
        candidates = np.flatnonzero(is_valid)
        if len(candidates) < 2:
            return
        keys = table.select(key).append_column("fetch", pa.array(fetches))
        codes = key_codes(keys.take(candidates), keys.column_names, self._table.name)
        order = np.argsort(codes, kind="stable")
        is_same = np.diff(codes[order]) == 0
        repeated = order[np.append(is_same, False) | np.append(False, is_same)]
        if not len(repeated):
            return
        rows = candidates[repeated]
        other = {*key, *self._table.derived_columns, "response_id", "fetched_at"}
        content = [name for name in self._schema.names if name not in other]
        contents = dict(zip(rows, table.select(content).take(rows).to_pylist(), strict=True))
        groups = np.split(rows, np.flatnonzero(np.diff(codes[repeated])) + 1)
        for group in sorted(groups, key=min):
            winner, *later = group.tolist()
            for row in later:
                loser = row if _only_loses_values(contents[winner], contents[row]) else winner
                winner = winner if loser == row else row
                text = " ".join(str(keys[name][loser].as_py()) for name in key)
                self._quarantine_row(
                    loser, is_valid, quarantine, "duplicate_key", ", ".join(key), text
                )

    def _quarantine_row(
        self,
        row: int,
        is_valid: np.ndarray,
        quarantine: QuarantineLog,
        reason: str,
        field: str,
        value: str,
        check: str = "",
    ) -> None:
        """Quarantine a row, for the first reason found."""
        if is_valid[row]:
            is_valid[row] = False
            response, index, element = self._place_of(row)
            raw = quarantine.raw_row(response, element)
            rejected = Rejected(element, reason, field, value, raw)
            quarantine.add_row(response, self._table.name, index, rejected, check)

    def _quarantine_value(self, nulled: NulledValue, quarantine: QuarantineLog) -> None:
        """Quarantine a value of a row that stays."""
        response, index, element = self._place_of(nulled.row)
        raw = quarantine.raw_row(response, element)
        rejected = Rejected(element, nulled.reason, nulled.column, nulled.value, raw)
        quarantine.add_row(
            response, self._table.name, index, rejected, nulled.check, is_row_kept=True
        )
        if nulled.unsigned_negative:
            name = nulled.table_column
            leaf = self._table.schema.columns[name].source or name
            leaf += nulled.column.removeprefix(name)
            drift = {("unsigned_negative", leaf, nulled.unsigned_negative): 1}
            quarantine.count_drift(response, drift)

    def _place_of(self, row: int) -> tuple[ArchivedResponse, int, int]:
        """Return a row's response, and its index and its element in it."""
        part = int(np.searchsorted(self._starts, row, side="right")) - 1
        at = row - self._starts[part]
        return self._responses[part], int(self._indexes[part][at]), self._elements[part][at]


def _rows_at(path: str, own: Sequence[int], part: TableRows) -> Sequence[int]:
    """Return the rows that a path is about, of those of one element of a response."""
    found = _NUMBER_IN_LIST.search(path) if part.exploded else None
    if found is None:
        return own
    place = int(found[1])
    if part.places is not None:
        return [row for row in own if part.places[row] == place] or own[:1]
    return [own[min(place, len(own) - 1)]]


def _only_loses_values(kept: Mapping[str, object], candidate: Mapping[str, object]) -> bool:
    """Return whether a candidate differs from the kept row only by turning values into nulls."""
    return candidate != kept and all(
        value is None or value == kept[name] for name, value in candidate.items()
    )
