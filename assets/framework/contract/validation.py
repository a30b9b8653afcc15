"""Validation of rows: which values fail which checks of their columns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaErrors


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """A failed check: row index, check, column and value."""

    row: int
    check: str
    column: str
    value: str


@dataclass(frozen=True, slots=True)
class FieldLimits:
    """Limits of a field of the structs in a list column, both included."""

    field: str
    low: float
    high: float

    def outside(self, structs: pa.StructArray) -> np.ndarray:
        """Mark the structs whose field is outside the limits; a missing value is not."""
        values = structs.field(self.field).to_numpy(zero_copy_only=False).astype(float)
        with np.errstate(invalid="ignore"):
            outside: np.ndarray = (values < self.low) | (values > self.high)
        return outside


def elements_in_range(field: str, low: float, high: float) -> pandera.Check:
    """Return a check that a field of all structs in a list column is in a range.

    A value outside it becomes null and costs the list none of its others.
    """
    limits = FieldLimits(field, low, high)

    def check(lists: "pd.Series[Any]") -> "pd.Series[Any]":
        array = pa.chunked_array(lists.array.__arrow_array__()).combine_chunks()
        outside = limits.outside(array.flatten())
        valid = np.ones(len(array), dtype=bool)
        if outside.any():
            lengths = array.value_lengths().fill_null(0).to_numpy()
            valid[np.repeat(np.arange(len(array)), lengths)[outside]] = False
        return pd.Series(valid, index=lists.index)

    name = f"{field}_in_range({low}, {high})"
    return pandera.Check(check, name=name, ignore_na=False, statistics={"limits": limits})


def field_limits(description: pandera.Column) -> list[FieldLimits]:
    """Return the limits of the fields of a list column."""
    limits = ((check.statistics or {}).get("limits") for check in description.checks)
    return [each for each in limits if each is not None]


def value_limits(description: pandera.Column) -> tuple[float, float] | None:
    """Return the limits of a measurement; None if it has none."""
    for check in description.checks:
        known = check.statistics or {}
        if "min_value" in known and "max_value" in known:
            return known["min_value"], known["max_value"]
    return None


def check_failures(schema: pandera.DataFrameSchema, rows: pa.Table) -> list[CheckFailure]:
    """Validate rows and return the failed checks.

    Raises:
        SchemaErrors: If the table as a whole does not match (a column is missing or has another
            type), which is a bug and not a fault of a response.
    """
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        if cases["index"].isna().any():
            raise
        return [
            CheckFailure(int(case.index), str(case.check), str(case.column), str(case.failure_case))
            for case in cases[["index", "check", "column", "failure_case"]].itertuples(
                index=False, name="Case"
            )
        ]
    return []
