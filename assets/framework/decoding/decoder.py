"""Decode archived responses into validated rows without duplicates.

Datasets make the columns. Every row of every response is either in a table or in quarantine, and so
is every value of a row that the table has without it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.json_rows import Rejected, Rows, decode_rows
from assets.framework.contract.table import TableRows
from assets.framework.decoding.decoder_failures import Fetches, decode_separately
from assets.framework.decoding.quarantine_log import QuarantineLog
from assets.framework.decoding.table_accumulator import TableAccumulator
from warehouse.archive import ArchivedResponse
from warehouse.interface.decoder_protocol import Decoded, Listing


class DatasetDecoder:
    """Decodes the archived responses of a dataset; a decoder as `warehouse` asks for one."""

    def __init__(self, dataset: Dataset, *, any_time: bool = False) -> None:
        """Decode for a dataset; `any_time` keeps rows of days that were not requested."""
        self.dataset = dataset.name
        self.version = dataset.version
        self.tables = tuple(table.spec(dataset.version) for table in dataset.output_tables)
        self._dataset = dataset
        self._any_time = any_time

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
        batch = DecodingBatch(self._dataset, any_time=self._any_time)
        for pages in fetches:
            batch.add_fetch(pages)
        return batch.decoded()


def decoders(datasets: Iterable[Dataset]) -> list[DatasetDecoder]:
    """Return the decoders of datasets."""
    return [DatasetDecoder(dataset) for dataset in datasets]


class DecodingBatch:
    """A batch of complete fetches of one dataset that is being decoded."""

    def __init__(self, dataset: Dataset, *, any_time: bool) -> None:
        self._dataset = dataset
        self._any_time = any_time
        self._main = dataset.output_tables[0].name
        self._accumulators = {
            table.name: TableAccumulator(table) for table in dataset.output_tables
        }
        leaves = {name: set(each.columns_of_leaves) for name, each in self._accumulators.items()}
        self._leaves = frozenset[str]().union(*leaves.values())
        # A value that is in no column of another table belongs to the main table.
        others = (of_table for name, of_table in leaves.items() if name != self._main)
        self._elsewhere = frozenset[str]().union(*others)
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
        # A list with an unreadable row, or object or list in a row, does not show what it lacks.
        misfits = [of_row for rows, _ in decoded for of_row in rows.misfits.values()]
        is_readable = not any(rows.rejected for rows, _ in decoded) and all(
            misfit.field in self._leaves for of_row in misfits for misfit in of_row
        )
        if pages[0].complete and is_readable and self._dataset.lists_all:
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
        listed_by = self._dataset.listed_by(page)
        requested = None if self._any_time else self._dataset.requested_time(page)
        for name, part in parts.items():
            rejected = rows.rejected if name == self._main else ()
            indexes, rejected_indexes = _row_indexes(part, rejected)
            accumulator = self._accumulators[name]
            accumulator.add(page, part, indexes, rows.drift, listed_by, requested)
            accumulator.add_misfits(rows, part, self._elsewhere if name == self._main else None)
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
