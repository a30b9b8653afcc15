"""Observations of a build for tables with a history, in order of response_id.

`scd2` folds them into versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.errors import StoreError
from warehouse.interface.decoder_protocol import Decoded, Decoder, Listing
from warehouse.interface.table_spec import TableSpec
from warehouse.storage.parquet_files import empty_table
from warehouse.tables import partition_files
from warehouse.tables.scd2 import fold
from warehouse.tables.staged_files import StagedFiles

_FILE = "part-0-of-1.parquet"
_DUPLICATE = "duplicate_key"
# Numbers of other sources than the API are negative.
_NO_RESPONSE = -(1 << 63)


class OutOfOrderError(Exception):
    """Observations are older than those folded before: the tables must be rebuilt."""


class Scd2Tables:
    """The tables with a history of one decoder, and the observations for them.

    Attributes:
        names: Names of the tables.
        folded: For each table, the newest response that was folded into it.
        held_bytes: Size of the observations that are not folded yet.
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

    def resume_from(self, folded: Mapping[str, int]) -> None:
        """Set `folded` to that of the last commit."""
        self.folded = dict(folded)

    def add(self, name: str, rows: pa.Table) -> None:
        """Add observations.

        Raises:
            OutOfOrderError: One is older than those folded before.
        """
        if rows.num_rows:
            self._refuse_late(name, pc.min(rows["response_id"]).as_py())
            self._observed[name].append(rows)
            self.held_bytes += rows.nbytes

    def add_listings(self, decoded: Decoded) -> None:
        """Add complete fetches of lists.

        A list with quarantined rows is ignored, since it does not prove that an entity is gone.

        Raises:
            OutOfOrderError: One is older than those folded before.
            StoreError: The decoder names a table that has no history.
        """
        if not decoded.listings:
            return
        rows = decoded.quarantine
        is_lost = pc.and_(
            pc.not_equal(rows["reason"], _DUPLICATE),
            pc.invert(pc.fill_null(rows["is_row_kept"], False)),
        )
        quarantined = rows.filter(is_lost).select(["table", "response_id"])
        for listing in decoded.listings:
            if listing.table not in self._specs:
                raise StoreError(
                    f"the decoder of {self._dataset} lists entities of table {listing.table}, "
                    "which has no history: add a history to its specification"
                )
            self._refuse_late(listing.table, listing.first_response_id)
            is_affected = pc.and_(
                pc.equal(quarantined["table"], listing.table),
                pc.and_(
                    pc.greater_equal(quarantined["response_id"], listing.first_response_id),
                    pc.less_equal(quarantined["response_id"], listing.last_response_id),
                ),
            )
            if not pc.any(is_affected).as_py():
                self._listings[listing.table].append(listing)

    def fold(
        self, staged: StagedFiles, below: int | None
    ) -> Iterator[tuple[TableSpec, pa.Table, np.ndarray]]:
        """Stage the versions that result from all responses below a number (None: from all).

        Yields:
            For each table, the observations and their classes.
        """
        for name, spec in self._specs.items():
            empty = empty_table(spec.schema)
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
                self.folded.get(name, _NO_RESPONSE),
                pc.fill_null(pc.max(observed["response_id"]), _NO_RESPONSE).as_py(),
                *(item.last_response_id for item in listings),
            )
            path = f"{spec.folder}/{_FILE}"
            versions = staged.read(path, partition_files.stored_schema(spec))
            folded = fold(spec, versions, observed, listings)
            staged.write_table(path, spec, folded.rows)
            yield spec, observed, folded.classes
        self.held_bytes = sum(rows.nbytes for tables in self._observed.values() for rows in tables)

    def _refuse_late(self, name: str, response_id: int) -> None:
        if response_id <= self.folded.get(name, _NO_RESPONSE):
            raise OutOfOrderError(
                f"older responses of {self._dataset} were archived after newer ones: "
                f"the versions of {name} are rebuilt from the archive"
            )
