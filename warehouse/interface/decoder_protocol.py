"""The protocol of a dataset's decoder, and what it returns. Decoders are in `assets`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from warehouse.archive import ArchivedResponse
from warehouse.interface.table_spec import TableSpec
from warehouse.storage.arrow_fields import arrow_field

_UTC = pa.timestamp("us", tz="UTC")


QUARANTINE_SCHEMA = pa.schema(
    [
        arrow_field("dataset", pa.string(), "Dataset of the response"),
        arrow_field("table", pa.string(), "Table the row was decoded for"),
        arrow_field(
            "response_id", pa.int64(), "Response that contains it (the first, if repeated)"
        ),
        arrow_field("device_id", pa.string(), "Requested device"),
        arrow_field("request_date", pa.date32(), "Requested day"),
        arrow_field(
            "row_index", pa.int64(), "Position in the response, from 0; null if not a single row"
        ),
        arrow_field("reason", pa.string(), "check_failed, not_decodable, time_not_requested, ..."),
        arrow_field("check", pa.string(), "The check that failed"),
        arrow_field("column", pa.string(), "The column that failed the check, or the JSON leaf"),
        arrow_field("value", pa.string(), "The value that failed the check, as text"),
        arrow_field("raw", pa.string(), "The row as JSON"),
        arrow_field("first_seen_at", _UTC, "When it was first fetched"),
        arrow_field(
            "is_row_kept",
            pa.bool_(),
            "Whether the row is decoded without this value; false: the row is in no table",
        ),
    ]
)


@dataclass(frozen=True, slots=True)
class Drift:
    """A code, field or type that is not in the contract; stored, counted and reported."""

    dataset: str
    kind: str  # "unknown_code" | "new_field" | "changed_type" | "unsigned_negative" | ...
    field: str
    value: str
    count: int
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """A complete fetch of a list: an entity that is not in it did not exist then.

    Attributes:
        table: The table of the listed entities.
        listed_by: The list, as in the table's column of that name.
        first_response_id: Response of its first page.
        last_response_id: Response of its last page.
        fetched_at: When it was complete (UTC).
    """

    table: str
    listed_by: str
    first_response_id: int
    last_response_id: int
    fetched_at: datetime


@dataclass(slots=True)
class Decoded:
    """The rows decoded from responses.

    Attributes:
        tables: Valid rows by table name, in the schema of the table's specification.
        quarantine: Invalid rows, in `QUARANTINE_SCHEMA`. A row that fails several checks has
            several entries and counts once (by table and `row_index`).
        drift: Codes, fields and types that are not in the contract.
        rows_in: Number of rows in each response, in the grain of the tables: each of them is in a
            table or in quarantine as a whole. Of a row in a table, single values can be in
            quarantine as well (`is_row_kept`).
        listings: For tables with a history, one for each complete fetch of a list, including empty
            lists.
    """

    tables: dict[str, pa.Table]
    quarantine: pa.Table = field(default_factory=QUARANTINE_SCHEMA.empty_table)
    drift: list[Drift] = field(default_factory=list)
    rows_in: Mapping[int, int] = field(default_factory=dict)
    listings: Sequence[Listing] = ()


class Decoder(Protocol):
    """Decodes archived responses of one dataset into rows, and depends on nothing else."""

    @property
    def dataset(self) -> str:
        """Name of the dataset whose responses it decodes."""

    @property
    def version(self) -> int:
        """Version, increased whenever the same responses result in different rows."""

    @property
    def tables(self) -> tuple[TableSpec, ...]:
        """The tables of its rows, which no other decoder writes to."""

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        """Decode complete fetches; called with many device-days at once."""


def fingerprints(decoder: Decoder) -> dict[str, str]:
    """Return the fingerprint of each of the decoder's tables."""
    return {spec.name: spec.fingerprint for spec in decoder.tables}
