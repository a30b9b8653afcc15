"""What a dataset's decoder is to the stores. The decoders themselves belong to assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from warehouse.archive import ArchivedResponse
from warehouse.tables import Listing, TableSpec

_UTC = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": description})


QUARANTINE_SCHEMA = pa.schema(
    [
        _field("dataset", pa.string(), "Dataset of the response"),
        _field("table", pa.string(), "Table that the row was meant for"),
        _field("response_id", pa.int64(), "Response that brought it (the first, where repeated)"),
        _field("device_id", pa.string(), "Device that was asked"),
        _field("request_date", pa.date32(), "Day that was asked for"),
        _field("row_index", pa.int64(), "Position in the response, from 0; null: not one row"),
        _field("reason", pa.string(), "duplicate_key, check_failed, not_decodable, ..."),
        _field("check", pa.string(), "The check that failed"),
        _field("column", pa.string(), "The column that failed it"),
        _field("value", pa.string(), "The value that failed it, as text"),
        _field("raw", pa.string(), "The row as JSON"),
        _field("first_seen_at", _UTC, "When it was first fetched"),
    ]
)


@dataclass(frozen=True, slots=True)
class Drift:
    """Something in the responses that the contract does not know; kept, counted and reported."""

    dataset: str
    kind: str  # "unknown_code" | "new_field" | "changed_type"
    field: str
    value: str
    count: int
    first_seen_at: datetime


@dataclass(slots=True)
class Decoded:
    """What became of some responses.

    Attributes:
        tables: Valid rows by table name, in the schema of the table's spec.
        quarantine: Rows that are not valid, in ``QUARANTINE_SCHEMA``. A row that fails several
            checks appears several times and counts once (by table and ``row_index``).
        drift: What the contract does not know.
        rows_in: Rows that each response held, in the grain of the tables: each of them is in a
            table or in quarantine.
        listings: For tables with a history, one for each fetch that obtained a whole list, also
            where it lists nothing.
    """

    tables: dict[str, pa.Table]
    quarantine: pa.Table = field(default_factory=QUARANTINE_SCHEMA.empty_table)
    drift: list[Drift] = field(default_factory=list)
    rows_in: Mapping[int, int] = field(default_factory=dict)
    listings: Sequence[Listing] = ()


class Decoder(Protocol):
    """Turns archived responses of one dataset into rows. Must depend on nothing else."""

    @property
    def dataset(self) -> str:
        """Name of the dataset whose responses it decodes."""

    @property
    def version(self) -> int:
        """Raised whenever the same responses would give other rows."""

    @property
    def tables(self) -> tuple[TableSpec, ...]:
        """The tables it fills; no other decoder fills them."""

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        """Decode whole fetches; called with many device-days at once."""


def fingerprints(decoder: Decoder) -> dict[str, str]:
    """Return the fingerprint of each of the decoder's tables."""
    return {spec.name: spec.fingerprint for spec in decoder.tables}
