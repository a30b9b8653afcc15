"""The description of a table, and rows judged by it.

A pandera schema whose columns carry Arrow types is the only description of a table. The Arrow
schema of the files, the comments of the catalogue, Dagster's column metadata and the data
dictionary are derived from it here, so that they cannot drift apart. How JSON becomes columns
stands in `assets.framework.contract.columns`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaErrors

TIME_UTC = pa.timestamp("us", tz="UTC")
TIME_LOCAL = pa.timestamp("us")


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why one row does not hold: its index, the check, the column and the value."""

    row: int
    check: str
    column: str
    value: str


def column(
    arrow_type: pa.DataType,
    title: str,
    description: str,
    *,
    source: str | None = None,
    codes: str | None = None,
    checks: Sequence[pandera.Check] = (),
    nullable: bool = True,
) -> pandera.Column:
    """Describe a column.

    Args:
        arrow_type: its type in the files; measurements are always float64.
        title: what a chart's axis would say.
        description: one sentence for the catalogue.
        source: path of the JSON leaf it comes from, e.g. `power.grid.voltage`.
        codes: the domain of codes that the column holds; the column of the same name with `_name`
            behind it, or in place of `_id`, is then filled with what they stand for.
        checks: what a value must fulfil; nulls are not checked.
        nullable: False where a row without a value cannot stand.
    """
    return pandera.Column(
        pd.ArrowDtype(arrow_type),
        list(checks),
        nullable=nullable,
        title=title,
        description=description,
        metadata={"source": source, "codes": codes},
    )


def measurement(
    title: str, description: str, source: str, low: float, high: float
) -> pandera.Column:
    """Describe a nullable float64 column of values from `low` to `high`, both included."""
    return column(
        pa.float64(),
        title,
        description,
        source=source,
        checks=[pandera.Check.in_range(low, high)],
    )


def text(
    title: str,
    description: str,
    source: str | None = None,
    *,
    codes: str | None = None,
    nullable: bool = True,
) -> pandera.Column:
    """Describe a column of text."""
    return column(pa.string(), title, description, source=source, codes=codes, nullable=nullable)


def number(title: str, description: str, source: str | None = None) -> pandera.Column:
    """Describe a nullable float64 column of any value."""
    return column(pa.float64(), title, description, source=source)


def integer(
    title: str,
    description: str,
    source: str | None = None,
    *,
    codes: str | None = None,
    nullable: bool = True,
) -> pandera.Column:
    """Describe a column of whole numbers."""
    return column(pa.int64(), title, description, source=source, codes=codes, nullable=nullable)


def flag(
    title: str, description: str, source: str | None = None, *, nullable: bool = True
) -> pandera.Column:
    """Describe a column of true and false."""
    return column(pa.bool_(), title, description, source=source, nullable=nullable)


def instant(
    title: str, description: str, source: str | None = None, *, nullable: bool = True
) -> pandera.Column:
    """Describe a column of times in UTC."""
    return column(TIME_UTC, title, description, source=source, nullable=nullable)


def reading_time() -> dict[str, pandera.Column]:
    """The columns that say when a reading was taken; see `columns.local_columns`."""
    return {
        "time": column(
            TIME_UTC,
            "Time (UTC)",
            "When the reading was taken, in UTC.",
            source="time",
            checks=[
                pandera.Check.in_range(
                    pd.Timestamp("1970-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")
                )
            ],
            nullable=False,
        ),
        "local_time": column(
            TIME_LOCAL, "Local time", "The same in the account's time zone.", nullable=False
        ),
        "local_date": column(
            pa.date32(), "Local date", "The day of the local time.", nullable=False
        ),
    }


def from_leaf(
    description: pandera.Column, source: str, checks: Sequence[pandera.Check] | None = None
) -> pandera.Column:
    """Describe a column as another table has it, read from another JSON leaf.

    Args:
        description: the other table's column.
        source: path of the leaf.
        checks: what a value must fulfil instead.
    """
    return column(
        arrow_type_of(description),
        description.title,
        description.description,
        source=source,
        codes=codes_of(description),
        checks=description.checks if checks is None else checks,
        nullable=description.nullable,
    )


def name_of_code(title: str) -> pandera.Column:
    """Describe the column with the name of a code; the framework fills it."""
    return column(
        pa.string(), f"{title}, decoded", "The documented name of the code, or `unknown (…)`."
    )


def extra_fields() -> dict[str, pandera.Column]:
    """The column for whatever the contract does not list."""
    return {
        "extra_fields": column(
            pa.string(), "Extra fields", "JSON of fields that the API's document does not list."
        )
    }


def table_schema(columns: Mapping[str, pandera.Column]) -> pandera.DataFrameSchema:
    """Make the schema of a table, which has these columns and no other."""
    return pandera.DataFrameSchema(dict(columns), strict=True)


def provenance_columns() -> dict[str, pandera.Column]:
    """The columns by which a row is traced to the archived response that brought it."""
    return {
        "response_id": column(
            pa.int64(),
            "Response",
            "Number of the archived response that brought the row; later ones are larger.",
            nullable=False,
        ),
        "fetched_at": column(
            TIME_UTC, "Fetched at", "When that response arrived, in UTC.", nullable=False
        ),
    }


def history_columns() -> dict[str, pandera.Column]:
    """The columns of a table with one row for each thing and version; the framework fills them."""
    return {
        "valid_from": column(
            TIME_UTC, "Valid from", "When this version was first fetched, in UTC.", nullable=False
        ),
        "valid_to": column(
            TIME_UTC,
            "Valid to",
            "When another version was first fetched, or a complete list lacked it; null: now.",
        ),
        "listed_by": column(
            pa.string(),
            "Listed by",
            "Whose list it stands in: a device, or the account as an opaque key.",
            nullable=False,
        ),
        **provenance_columns(),
    }


def elements_in_range(field: str, low: float, high: float) -> pandera.Check:
    """Make a check of one field of all structs in a list column; a row fails if any does."""

    def check(lists: "pd.Series[Any]") -> "pd.Series[Any]":
        array = pa.chunked_array(lists.array.__arrow_array__()).combine_chunks()
        values = array.flatten().field(field).to_numpy(zero_copy_only=False).astype(float)
        with np.errstate(invalid="ignore"):
            outside = (values < low) | (values > high)
        good = np.ones(len(array), dtype=bool)
        if outside.any():
            lengths = array.value_lengths().fill_null(0).to_numpy()
            good[np.repeat(np.arange(len(array)), lengths)[outside]] = False
        return pd.Series(good, index=lists.index)

    return pandera.Check(check, name=f"{field}_in_range({low}, {high})", ignore_na=False)


def source_of(description: pandera.Column) -> str | None:
    """Name the JSON leaf from which a column comes, or None."""
    return (description.metadata or {}).get("source")


def codes_of(description: pandera.Column) -> str | None:
    """Name the domain of the codes that a column holds, or None."""
    return (description.metadata or {}).get("codes")


def name_column(name: str) -> str:
    """Name the column that says what the codes of a column stand for."""
    return f"{name.removesuffix('_id')}_name"


def arrow_type_of(description: pandera.Column) -> pa.DataType:
    """Give the Arrow type of a column made by `column`."""
    return description.dtype.type.pyarrow_dtype


def arrow_schema(schema: pandera.DataFrameSchema) -> pa.Schema:
    """Derive the Arrow schema, with title, description and JSON source in each field's metadata."""
    fields = []
    for name, description in schema.columns.items():
        texts = {
            "title": description.title,
            "description": description.description,
            "source": source_of(description),
        }
        fields.append(
            pa.field(
                name,
                arrow_type_of(description),
                nullable=description.nullable,
                metadata={key: text for key, text in texts.items() if text},
            )
        )
    return pa.schema(fields)


def faults(schema: pandera.DataFrameSchema, rows: pa.Table) -> list[Fault]:
    """Judge rows by a schema and list what is wrong with which row.

    Raises:
        SchemaErrors: if the table as a whole does not fit (a column is missing or of another type),
            which no content of a response can cause.
    """
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        if cases["index"].isna().any():
            raise
        return [
            Fault(int(case.index), str(case.check), str(case.column), str(case.failure_case))
            for case in cases[["index", "check", "column", "failure_case"]].itertuples(
                index=False, name="Case"
            )
        ]
    return []
