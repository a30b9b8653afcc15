"""Observations of a build on their way into tables with a history, in order of response_id.

What a version is belongs to ``tables.history``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.errors import StoreError
from warehouse.interface.decoder_protocol import Decoded, Decoder
from warehouse.tables import Listing, TableSpec, fold, partition_files
from warehouse.tables.staged_files import StagedFiles

_FILE = "part-0-of-1.parquet"
_DUPLICATE = "duplicate_key"


class OutOfOrderError(Exception):
    """Observations are older than what was folded: the tables are to be made from nothing."""


class Scd2Tables:
    """The tables with a history that a decoder fills, and what was observed for them.

    Attributes:
        names: Names of the tables.
        folded: For each table the newest response that was folded into it.
        held_bytes: Bytes of what was observed and is not folded yet.
    """

    def __init__(self, decoder: Decoder) -> None:
        """Start with empty tables."""
        self._dataset = decoder.dataset
        self._specs = {spec.name: spec for spec in decoder.tables if spec.history is not None}
        self._observed: dict[str, list[pa.Table]] = {name: [] for name in self._specs}
        self._listings: dict[str, list[Listing]] = {name: [] for name in self._specs}
        self.names = frozenset(self._specs)
        self.folded: dict[str, int] = {}
        self.held_bytes = 0

    def go_on_from(self, folded: Mapping[str, int]) -> None:
        """Say what was folded into the tables before."""
        self.folded = dict(folded)

    def add(self, name: str, rows: pa.Table) -> None:
        """Take in observations.

        Raises:
            LateError: one is older than what was folded.
        """
        if rows.num_rows:
            self._refuse_late(name, pc.min(rows["response_id"]).as_py())
            self._observed[name].append(rows)
            self.held_bytes += rows.nbytes

    def add_listings(self, decoded: Decoded) -> None:
        """Take in which lists were complete.

        A list of which rows went to quarantine proves nothing about what it lacks.

        Raises:
            LateError: one is older than what was folded.
            StoreError: the decoder names a table that has no history.
        """
        if not decoded.listings:
            return
        refused = decoded.quarantine.filter(
            pc.not_equal(decoded.quarantine["reason"], _DUPLICATE)
        ).select(["table", "response_id"])
        for listing in decoded.listings:
            if listing.table not in self._specs:
                raise StoreError(
                    f"the decoder of {self._dataset} lists things of table {listing.table}, which "
                    "has no history: give its specification one"
                )
            self._refuse_late(listing.table, listing.first_response_id)
            unread = pc.and_(
                pc.equal(refused["table"], listing.table),
                pc.and_(
                    pc.greater_equal(refused["response_id"], listing.first_response_id),
                    pc.less_equal(refused["response_id"], listing.last_response_id),
                ),
            )
            if not pc.any(unread).as_py():
                self._listings[listing.table].append(listing)

    def fold(
        self, stored: StagedFiles, below: int | None
    ) -> Iterator[tuple[TableSpec, pa.Table, np.ndarray]]:
        """Stage the versions that follow from all responses below a number (None: from all).

        Yields:
            For each table what was observed, and the class of each row.
        """
        for name, spec in self._specs.items():
            empty = spec.schema.empty_table()
            observed = pa.concat_tables([empty, *self._observed[name]])
            listings = self._listings[name]
            if below is not None:
                early = pc.less(observed["response_id"], below)
                self._observed[name] = [observed.filter(pc.invert(early))]
                observed = observed.filter(early)
                self._listings[name] = [item for item in listings if item.last_response_id >= below]
                listings = [item for item in listings if item.last_response_id < below]
            else:
                self._observed[name], self._listings[name] = [], []
            if not observed.num_rows and not listings:
                continue
            self.folded[name] = max(
                self.folded.get(name, 0),
                pc.max(observed["response_id"]).as_py() or 0,
                *(item.last_response_id for item in listings),
            )
            place = f"{spec.folder}/{_FILE}"
            versions = stored.read(place, partition_files.stored_schema(spec))
            folded = fold(spec, versions, observed, listings)
            stored.write_table(place, spec, folded.rows)
            yield spec, observed, folded.classes
        self.held_bytes = sum(rows.nbytes for tables in self._observed.values() for rows in tables)

    def _refuse_late(self, name: str, response_id: int) -> None:
        if response_id <= self.folded.get(name, 0):
            raise OutOfOrderError(
                f"older answers of {self._dataset} came in after newer ones: "
                f"the versions of {name} are rebuilt from the archive"
            )
