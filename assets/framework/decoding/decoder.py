"""Decode archived responses into validated rows without duplicates.

Datasets make the columns. Every row of every response is either in a table or in quarantine.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from assets.framework.contract.column_schema import check_failures, codes_of, name_column
from assets.framework.contract.columns import code_names
from assets.framework.contract.dataset import Dataset
from assets.framework.contract.json_rows import Rejected, Rows, decode_rows
from assets.framework.contract.table import Table, TableRows
from assets.framework.decoding.decoder_failures import Fetches, decode_separately
from assets.framework.decoding.quarantine_log import QuarantineLog
from givenergy import domain
from warehouse import ArchivedResponse, Decoded, Listing


class DatasetDecoder:
    """Decodes the archived responses of a dataset (a `warehouse.Decoder`)."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset.name
        self.version = dataset.version
        self.tables = tuple(table.spec(dataset.version) for table in dataset.output_tables)
        self._dataset = dataset

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        """Decode archived responses into valid rows, quarantined rows and drift.

        Every row of every response is either valid or quarantined.
        """
        fetches: dict[int, list[ArchivedResponse]] = {}
        for response in responses:
            fetches.setdefault(response.fetch_id, []).append(response)
        pages = [sorted(pages, key=lambda page: page.page) for pages in fetches.values()]
        return decode_separately(self._dataset, self._decode, pages)

    def _decode(self, fetches: Fetches) -> Decoded:
        batch = DecodingBatch(self._dataset)
        for pages in fetches:
            batch.add_fetch(pages)
        return batch.decoded()


def decoders(datasets: Iterable[Dataset]) -> list[DatasetDecoder]:
    """Return the decoders of datasets."""
    return [DatasetDecoder(dataset) for dataset in datasets]


class DecodingBatch:
    """A batch of complete fetches of one dataset that is being decoded."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._accumulators = {
            table.name: TableAccumulator(table) for table in dataset.output_tables
        }
        self._quarantine = QuarantineLog(dataset)
        self._rows_in: dict[int, int] = {}
        self._listings: list[Listing] = []

    def add_fetch(self, pages: Sequence[ArchivedResponse]) -> None:
        """Decode all pages of one fetch."""
        decoded = [
            (decode_rows(page.body, self._dataset.row_type, self._dataset.shape), page)
            for page in pages
        ]
        for (rows, page), parts in zip(
            decoded, self._dataset.tables_of_fetch(decoded), strict=True
        ):
            self._add_page(rows, page, parts)
        # A list with an unreadable row does not show what it lacks.
        if pages[0].complete and not any(rows.rejected for rows, _ in decoded):
            self._listings += [
                Listing(
                    table=table.name,
                    listed_by=self._dataset.listed_by(pages[0]),
                    first_response_id=pages[0].response_id,
                    last_response_id=pages[-1].response_id,
                    fetched_at=pages[-1].fetched_at,
                )
                for table in self._dataset.output_tables
                if table.unversioned_columns is not None
            ]

    def _add_page(
        self, rows: Rows[Any], page: ArchivedResponse, parts: Mapping[str, TableRows]
    ) -> None:
        count = len(rows.rejected)
        main = self._dataset.output_tables[0].name
        listed_by = self._dataset.listed_by(page)
        for name, part in parts.items():
            rejected = rows.rejected if name == main else ()
            indexes, rejected_indexes = _row_indexes(part, rejected)
            self._accumulators[name].add(page, part, indexes, rows.drift, listed_by)
            for position, row in zip(rejected_indexes, rejected, strict=True):
                self._quarantine.add_row(page, name, position, row, check="")
            count += len(part.elements)
        self._quarantine.count_drift(page, rows.drift)
        self._rows_in[page.response_id] = count

    def decoded(self) -> Decoded:
        """Return valid rows, quarantine and drift."""
        return Decoded(
            tables={
                name: accumulator.rows(self._quarantine)
                for name, accumulator in self._accumulators.items()
            },
            quarantine=self._quarantine.quarantine(),
            drift=self._quarantine.drift(),
            rows_in=self._rows_in,
            listings=self._listings,
        )


class TableAccumulator:
    """The rows of one table, each traceable to its place in a response."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._schema = table.arrow_schema
        self._codes = {
            name: {code.code.upper(): code.name for code in domain(codes)}
            for name, description in table.schema.columns.items()
            if (codes := codes_of(description))
        }
        self._responses: list[ArchivedResponse] = []
        self._parts: list[pa.Table] = []
        self._elements: list[Sequence[int]] = []
        self._indexes: list[np.ndarray] = []

    def add(
        self,
        page: ArchivedResponse,
        part: TableRows,
        indexes: np.ndarray,
        drift: Any,
        listed_by: str,
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
        for name, names in self._codes.items():
            columns[name_column(name)], unknown = code_names(columns[name], names)
            for code, number in unknown.items():
                drift["unknown_code", name, code] += number
        self._parts.append(
            pa.table([columns[name] for name in self._schema.names], schema=self._schema)
        )
        self._responses.append(page)
        self._elements.append(part.elements)
        self._indexes.append(indexes)

    def rows(self, quarantine: QuarantineLog) -> pa.Table:
        """Return the valid rows, one per key and fetch; quarantine the others."""
        table = pa.concat_tables(self._parts) if self._parts else self._schema.empty_table()
        valid_rows = np.ones(table.num_rows, dtype=bool)
        if table.num_rows:
            self._validate(table, valid_rows, quarantine)
            self._drop_duplicates(table, valid_rows, quarantine)
        return table if valid_rows.all() else table.filter(pa.array(valid_rows))

    def _validate(self, table: pa.Table, valid_rows: np.ndarray, quarantine: QuarantineLog) -> None:
        by_row: dict[int, list[Any]] = {}
        for fault in check_failures(self._table.schema, table):
            by_row.setdefault(fault.row, []).append(fault)
        for row, row_faults in sorted(by_row.items()):
            valid_rows[row] = False
            checks = "; ".join(
                dict.fromkeys(f"{fault.column}: {fault.check}" for fault in row_faults)
            )
            self._quarantine_row(
                row, quarantine, "check_failed", row_faults[0].column, row_faults[0].value, checks
            )

    def _drop_duplicates(
        self, table: pa.Table, valid_rows: np.ndarray, quarantine: QuarantineLog
    ) -> None:
        """Keep the last of several valid rows with one key in a fetch; quarantine the others.

        A later row that only turns values into nulls is not kept.
        """
        key = list(self._table.key)
        keys = table.select(key).to_pandas()
        keys["fetch"] = np.repeat(
            [response.fetch_id for response in self._responses],
            [part.num_rows for part in self._parts],
        )
        candidates = keys[valid_rows]
        repeated = candidates[candidates.duplicated(keep=False)]
        if repeated.empty:
            return
        other = {*key, *self._table.derived_columns, "response_id", "fetched_at"}
        content = [name for name in self._schema.names if name not in other]
        rows = table.select(content).take(pa.array(repeated.index)).to_pylist()
        contents = dict(zip(repeated.index, rows, strict=True))
        for _, group in repeated.groupby(list(keys.columns), sort=False):
            winner, *later = group.index
            for row in later:
                loser = row if _only_loses_values(contents[winner], contents[row]) else winner
                winner = winner if loser == row else row
                valid_rows[loser] = False
                text = " ".join(str(keys.at[loser, name]) for name in key)
                self._quarantine_row(loser, quarantine, "duplicate_key", ", ".join(key), text, "")

    def _quarantine_row(
        self,
        row: int,
        quarantine: QuarantineLog,
        reason: str,
        field: str,
        value: str,
        check: str,
    ) -> None:
        for response, taken, indexes in zip(
            self._responses, self._elements, self._indexes, strict=True
        ):
            if row < len(taken):
                raw = quarantine.raw_row(response, taken[row])
                rejected = Rejected(taken[row], reason, field, value, raw)
                quarantine.add_row(response, self._table.name, int(indexes[row]), rejected, check)
                return
            row -= len(taken)


def _row_indexes(part: TableRows, rejected: Sequence[Rejected]) -> tuple[np.ndarray, Sequence[int]]:
    """Return indexes of the rows, and of rejected elements, within their response.

    If each element is a row, the index is the element's position. If an element can give several
    rows, rows are counted consecutively, and a rejected element counts as one.
    """
    taken = np.asarray(part.elements, dtype=np.int64)
    rejected_positions = [row.position for row in rejected]
    if not part.exploded:
        return taken, rejected_positions
    positions = np.concatenate([taken, np.asarray(rejected_positions, dtype=np.int64)])
    order = np.argsort(positions, kind="stable")
    numbers = np.empty(len(positions), dtype=np.int64)
    numbers[order] = np.arange(len(positions))
    return numbers[: len(taken)], [int(number) for number in numbers[len(taken) :]]


def _only_loses_values(kept: Mapping[str, object], candidate: Mapping[str, object]) -> bool:
    """Return whether a candidate differs from the kept row only by turning values into nulls."""
    return candidate != kept and all(
        value is None or value == kept[name] for name, value in candidate.items()
    )
