"""Column declarations.

A `TableSchema` is the only description of a table. The pandera schema that checks its rows, the
Arrow schema of the files, the comments of the catalogue, Dagster's column metadata and the data
dictionary are derived from it, so that they cannot diverge. `assets.framework.contract.columns`
converts JSON to columns, and `assets.framework.decoding.invalid_values` has them checked: pandera
takes longer to import than most commands that read, and only runs over rows that can fail a check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa

TIME_UTC = pa.timestamp("us", tz="UTC")
TIME_LOCAL = pa.timestamp("us")


@dataclass(frozen=True, slots=True)
class InRange:
    """A check that each value is from `low` to `high`, both included."""

    low: float | datetime
    high: float | datetime


@dataclass(frozen=True, slots=True)
class FieldInRange:
    """A check of a field of the structs in a list column: from `low` to `high`, both included.

    A value outside becomes null and costs the list none of its others.
    """

    field: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of a table.

    Attributes:
        arrow_type: Its type in the files; measurements are always float64.
        title: Label for the axis of a chart.
        description: One sentence for the catalogue.
        source: Path of its JSON leaf, e.g. `power.grid.voltage`; None if it has none.
        codes: The domain of the codes in the column; the framework fills the column of the same
            name with the suffix `_name` (replacing `_id`) with their names.
        checks: Checks of each value except nulls. A value that fails one becomes null, and is
            quarantined; without nulls in the column, or in a key, its row is quarantined.
        nullable: False if a row without a value is quarantined.
        computed_from: Columns without which the value is null.
    """

    arrow_type: pa.DataType
    title: str
    description: str
    source: str | None = None
    codes: str | None = None
    checks: tuple[InRange | FieldInRange, ...] = ()
    nullable: bool = True
    computed_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TableSchema:
    """The columns of a table by their names, in order; it has no others."""

    columns: Mapping[str, Column]


def column(
    arrow_type: pa.DataType,
    title: str,
    description: str,
    *,
    source: str | None = None,
    codes: str | None = None,
    checks: Sequence[InRange | FieldInRange] = (),
    nullable: bool = True,
    computed_from: Sequence[str] = (),
) -> Column:
    """Describe a column; the arguments are the attributes of `Column`."""
    return Column(
        arrow_type,
        title,
        description,
        source,
        codes,
        tuple(checks),
        nullable,
        tuple(computed_from),
    )


def measurement(title: str, description: str, source: str, low: float, high: float) -> Column:
    """Describe a nullable float64 column of values from `low` to `high`, both included."""
    return column(
        pa.float64(),
        title,
        description,
        source=source,
        checks=[InRange(low, high)],
    )


def text(
    title: str,
    description: str,
    source: str | None = None,
    *,
    codes: str | None = None,
    nullable: bool = True,
) -> Column:
    """Describe a column of text."""
    return column(pa.string(), title, description, source=source, codes=codes, nullable=nullable)


def number(title: str, description: str, source: str | None = None) -> Column:
    """Describe a nullable float64 column of any value."""
    return column(pa.float64(), title, description, source=source)


def integer(
    title: str,
    description: str,
    source: str | None = None,
    *,
    codes: str | None = None,
    nullable: bool = True,
) -> Column:
    """Describe a column of whole numbers."""
    return column(pa.int64(), title, description, source=source, codes=codes, nullable=nullable)


def flag(
    title: str, description: str, source: str | None = None, *, nullable: bool = True
) -> Column:
    """Describe a boolean column."""
    return column(pa.bool_(), title, description, source=source, nullable=nullable)


def instant(
    title: str, description: str, source: str | None = None, *, nullable: bool = True
) -> Column:
    """Describe a column of times in UTC."""
    return column(TIME_UTC, title, description, source=source, nullable=nullable)


def reading_time() -> dict[str, Column]:
    """Return the time columns of a reading; see `columns.local_columns`."""
    return {
        "time": column(
            TIME_UTC,
            "Time (UTC)",
            "Time of the reading, UTC.",
            source="time",
            checks=[InRange(datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))],
            nullable=False,
        ),
        "local_time": column(
            TIME_LOCAL,
            "Local time",
            "Time of the reading in the account's time zone.",
            nullable=False,
        ),
        "local_date": column(pa.date32(), "Local date", "Day of the local time.", nullable=False),
    }


def with_source(
    description: Column, source: str, checks: Sequence[InRange | FieldInRange] | None = None
) -> Column:
    """Return another table's column with a different JSON leaf.

    Args:
        description: The other table's column.
        source: Path of the leaf.
        checks: Checks that replace those of the column.
    """
    return replace(
        description, source=source, checks=description.checks if checks is None else tuple(checks)
    )


def name_of_code(title: str) -> Column:
    """Describe the column with the name of a code; the framework fills it."""
    return column(
        pa.string(), f"{title}, decoded", "The documented name of the code, or `unknown (…)`."
    )


def extra_fields() -> dict[str, Column]:
    """Return the column for fields that the contract does not list."""
    return {
        "extra_fields": column(
            pa.string(), "Extra fields", "JSON of the fields that the API document does not list."
        )
    }


def table_schema(columns: Mapping[str, Column]) -> TableSchema:
    """Return the schema of a table with exactly these columns."""
    return TableSchema(dict(columns))


def provenance_columns() -> dict[str, Column]:
    """Return the columns that trace a row to its archived response."""
    return {
        "response_id": column(
            pa.int64(),
            "Response",
            "Number of the archived response of the row; larger numbers are newer.",
            nullable=False,
        ),
        "fetched_at": column(
            TIME_UTC, "Fetched at", "Time when the response arrived, UTC.", nullable=False
        ),
    }


def history_columns() -> dict[str, Column]:
    """Return the columns of a table with history; the framework fills them."""
    return {
        "valid_from": column(
            TIME_UTC, "Valid from", "Time when this version was first fetched, UTC.", nullable=False
        ),
        "valid_to": column(
            TIME_UTC,
            "Valid to",
            "Time when a newer version, or a complete list without it, was fetched; null: current.",
        ),
        "listed_by": column(
            pa.string(),
            "Listed by",
            "The device, or the account as an opaque key, whose list has the row.",
            nullable=False,
        ),
        **provenance_columns(),
    }


def name_column(name: str) -> str:
    """Return the name of the column with the names of a column's codes."""
    return f"{name.removesuffix('_id')}_name"


def arrow_schema(schema: TableSchema) -> pa.Schema:
    """Derive the Arrow schema, with title, description and JSON source in each field's metadata."""
    fields = []
    for name, description in schema.columns.items():
        texts = {
            "title": description.title,
            "description": description.description,
            "source": description.source,
        }
        fields.append(
            pa.field(
                name,
                description.arrow_type,
                nullable=description.nullable,
                metadata={key: text for key, text in texts.items() if text},
            )
        )
    return pa.schema(fields)
