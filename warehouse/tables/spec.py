"""What a table is: its name, columns, key and version. What its values mean belongs to assets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

# Columns that say where a row came from; two rows that differ only in them are the same.
PROVENANCE = ("response_id", "fetched_at", "request_date")


@dataclass(frozen=True)
class TableSpec:
    """The contract of one table.

    Attributes:
        name: Name of the table and of its view.
        schema: Every column, in order; a field's metadata may carry ``title``, ``description``.
            Contains ``response_id`` (int64) and ``fetched_at`` (UTC, microseconds).
        key: The columns that identify a row; none of them null.
        time_column: The UTC timestamp whose month chooses the file; None keeps one month-less set.
        device_column: The column that chooses the bucket of a fleet; None keeps one bucket.
        decoder_version: Version of the code that decodes into this table.
        description: One sentence: grain and source.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    time_column: str | None
    device_column: str | None
    decoder_version: int
    description: str

    def __post_init__(self) -> None:
        """Check the contract.

        Raises:
            ValueError: a column that is named is not in the schema, or has the wrong type.
        """
        named = [*self.key, "response_id", "fetched_at", self.time_column, self.device_column]
        missing = [name for name in named if name and name not in self.schema.names]
        if missing:
            raise ValueError(
                f"table {self.name} has no column {missing[0]!r}: add it to its schema"
            )
        wanted = {"response_id": pa.int64(), "fetched_at": pa.timestamp("us", tz="UTC")}
        if self.time_column:
            wanted[self.time_column] = pa.timestamp("us", tz="UTC")
        for name, kind in wanted.items():
            if self.schema.field(name).type != kind:
                raise ValueError(f"column {name!r} of table {self.name} must be of type {kind}")

    @property
    def content(self) -> list[str]:
        """The columns that are neither key nor provenance."""
        return [name for name in self.schema.names if name not in (*self.key, *PROVENANCE)]

    @property
    def fingerprint(self) -> str:
        """A hash of all that the stored form depends on."""
        parts = [
            *(f"{field.name}:{field.type}" for field in self.schema),
            f"key={self.key} time={self.time_column} device={self.device_column}",
            f"decoder={self.decoder_version}",
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def folder(self) -> str:
        """The table's folder, relative to the data folder."""
        return f"tables/{self.name}"

    @property
    def superseded_folder(self) -> str:
        """The folder of the table's contested versions, relative to the data folder."""
        return f"index/superseded/{self.name}"
