"""What checks find, and the limits that they have."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assets.framework.contract.column_schema import Column, FieldInRange, InRange


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """A failed check: row index, check, column and value."""

    row: int
    check: str
    column: str
    value: str


def outside(limits: FieldInRange, structs: pa.StructArray) -> np.ndarray:
    """Mark the structs whose field is outside its limits; a missing value is not."""
    values = structs.field(limits.field).to_numpy(zero_copy_only=False).astype(float)
    with np.errstate(invalid="ignore"):
        found: np.ndarray = (values < limits.low) | (values > limits.high)
    return found


def field_limits(description: Column) -> list[FieldInRange]:
    """Return the limits of the fields of a list column."""
    return [check for check in description.checks if isinstance(check, FieldInRange)]


def value_limits(description: Column) -> InRange | None:
    """Return the limits of a measurement; None if it has none."""
    return next((check for check in description.checks if isinstance(check, InRange)), None)
