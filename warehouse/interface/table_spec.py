"""Specification of a table: its name, columns, key and version."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

# The columns of the source of a row; rows that differ only in these columns are equal.
PROVENANCE = ("response_id", "fetched_at", "request_date")
VALID_FROM, VALID_TO = "valid_from", "valid_to"
_UTC = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class History:
    """The history of a table of entities and their versions.

    Attributes:
        unversioned_columns: Columns that change often, such as when an entity was last online:
            their changes do not begin a version.
        listed_by: The column with the list that an entity is in.
    """

    unversioned_columns: tuple[str, ...]
    listed_by: str = "listed_by"


@dataclass(frozen=True)
class TableSpec:
    """The contract of one table.

    Attributes:
        name: Name of the table and of its view.
        schema: All columns, in order, including `response_id` (int64) and `fetched_at` (UTC,
            microseconds); field metadata may contain `title` and `description`.
        key: The columns that identify a row; never null.
        time_column: The UTC timestamp that files are partitioned by, by month; None for no months.
        device_column: The column that files are partitioned by, by bucket; None for one bucket.
        decoder_version: Version of the code that decodes into this table.
        description: One sentence: grain and source.
        history: Set if the table has a row for each entity and version. The decoder then returns
            observations: `key` identifies the entity, `valid_from` is `fetched_at` and `valid_to`
            is null.
        derived_columns: Columns computed from others of the row, which are not compared between
            versions: `has_ended` is false if `ended_at` is null, and a later response that only
            lacks the end must not undo it.
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
        """Validate the specification.

        Raises:
            ValueError: A column is not in the schema, or has the wrong type.
        """
        required = [*self.key, "response_id", "fetched_at", self.time_column, self.device_column]
        required += self.derived_columns
        types = {"response_id": pa.int64(), "fetched_at": _UTC}
        if self.time_column:
            types[self.time_column] = _UTC
        if self.history is not None:
            types |= {VALID_FROM: _UTC, VALID_TO: _UTC, self.history.listed_by: pa.string()}
            required += [*types, *self.history.unversioned_columns]
            if self.time_column is not None:
                raise ValueError(
                    f"table {self.name} has a history and the time column {self.time_column!r}: "
                    "its versions are kept in one file, so it can have none"
                )
            if conflicts := set(self.history.unversioned_columns) & {
                *self.key,
                *PROVENANCE,
                *types,
            }:
                raise ValueError(
                    f"column {min(conflicts)!r} of table {self.name} cannot be unversioned: it is "
                    "part of the key, of the history or of the provenance"
                )
        missing = [name for name in required if name and name not in self.schema.names]
        if missing:
            raise ValueError(
                f"table {self.name} has no column {missing[0]!r}: add it to its schema"
            )
        for name, kind in types.items():
            if self.schema.field(name).type != kind:
                raise ValueError(f"column {name!r} of table {self.name} must be of type {kind}")

    @property
    def content(self) -> list[str]:
        """The columns that are compared between versions: not key, provenance or derived."""
        excluded = [*self.key, *PROVENANCE, *self.derived_columns]
        if self.history is not None:
            excluded += [
                VALID_FROM,
                VALID_TO,
                self.history.listed_by,
                *self.history.unversioned_columns,
            ]
        return [name for name in self.schema.names if name not in excluded]

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that identify a stored row."""
        return self.key if self.history is None else (*self.key, VALID_FROM)

    @property
    def version_view(self) -> str:
        """The view of its superseded rows or, of a table with a history, of its current ones."""
        return f"{self.name}_{'superseded' if self.history is None else 'now'}"

    @property
    def fingerprint(self) -> str:
        """A hash of everything that the stored form depends on."""
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
        """The table's folders, and whether they hold contested versions; main folder last."""
        # The versions of a table with a history are its rows.
        superseded = [(self.superseded_folder, True)] if self.history is None else []
        return [*superseded, (self.folder, False)]

    @property
    def superseded_folder(self) -> str:
        """The folder of the table's contested versions, relative to the data folder."""
        return f"index/superseded/{self.name}"
