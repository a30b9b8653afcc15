"""What a table is: its name, columns, key and version. What its values mean belongs to assets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

# Columns that say where a row came from; two rows that differ only in them are the same.
PROVENANCE = ("response_id", "fetched_at", "request_date")
VALID_FROM, VALID_TO = "valid_from", "valid_to"
_UTC = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class History:
    """What makes a table one of things and their versions.

    Attributes:
        volatile: Columns that change all the time, such as when a thing was last online: a change
            of them is no new version.
        listed_by: The column that names the list that vouches for a thing.
    """

    unversioned_columns: tuple[str, ...]
    listed_by: str = "listed_by"


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
        history: Set where the table has a row for each thing and version. What the decoder returns
            are then observations: ``key`` identifies the thing, ``valid_from`` is ``fetched_at``
            and ``valid_to`` is null.
        derived_columns: Columns computed from others of the same row, which alone decide whether
            two versions differ: ``has_ended`` is false where ``ended_at`` is null, and a later
            answer that only lacks the end must not take it back.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    time_column: str | None
    device_column: str | None
    decoder_version: int
    description: str
    history: History | None = None
    derived_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the contract.

        Raises:
            ValueError: a column that is named is not in the schema, or has the wrong type.
        """
        named = [*self.key, "response_id", "fetched_at", self.time_column, self.device_column]
        named += self.derived_columns
        wanted = {"response_id": pa.int64(), "fetched_at": _UTC}
        if self.time_column:
            wanted[self.time_column] = _UTC
        if self.history is not None:
            wanted |= {VALID_FROM: _UTC, VALID_TO: _UTC, self.history.listed_by: pa.string()}
            named += [*wanted, *self.history.unversioned_columns]
            if self.time_column is not None:
                raise ValueError(
                    f"table {self.name} has a history and the time column {self.time_column!r}: "
                    "its versions are kept in one file, so it can have none"
                )
            if twice := set(self.history.unversioned_columns) & {*self.key, *PROVENANCE, *wanted}:
                raise ValueError(
                    f"column {min(twice)!r} of table {self.name} cannot be volatile: it is part "
                    "of the key, or says where a row came from"
                )
        missing = [name for name in named if name and name not in self.schema.names]
        if missing:
            raise ValueError(
                f"table {self.name} has no column {missing[0]!r}: add it to its schema"
            )
        for name, kind in wanted.items():
            if self.schema.field(name).type != kind:
                raise ValueError(f"column {name!r} of table {self.name} must be of type {kind}")

    @property
    def content(self) -> list[str]:
        """The columns whose change makes another row: not key, provenance or derived."""
        other = [*self.key, *PROVENANCE, *self.derived_columns]
        if self.history is not None:
            other += [
                VALID_FROM,
                VALID_TO,
                self.history.listed_by,
                *self.history.unversioned_columns,
            ]
        return [name for name in self.schema.names if name not in other]

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that identify a stored row."""
        return self.key if self.history is None else (*self.key, VALID_FROM)

    @property
    def fingerprint(self) -> str:
        """A hash of all that the stored form depends on."""
        parts = [
            *(f"{field.name}:{field.type}" for field in self.schema),
            f"key={self.key} time={self.time_column} device={self.device_column}",
            f"decoder={self.decoder_version}",
        ]
        if self.history is not None:
            parts.append(
                f"volatile={self.history.unversioned_columns} listed_by={self.history.listed_by}"
            )
        if self.derived_columns:
            parts.append(f"derived={self.derived_columns}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def folder(self) -> str:
        """The table's folder, relative to the data folder."""
        return f"tables/{self.name}"

    @property
    def folders(self) -> list[tuple[str, bool]]:
        """The table's folders, the table's own last, and whether they hold contested versions."""
        # The versions of a table with a history are its rows.
        superseded = [(self.superseded_folder, True)] if self.history is None else []
        return [*superseded, (self.folder, False)]

    @property
    def superseded_folder(self) -> str:
        """The folder of the table's contested versions, relative to the data folder."""
        return f"index/superseded/{self.name}"
