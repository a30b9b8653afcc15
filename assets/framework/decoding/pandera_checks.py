"""Validation of rows with pandera; imported where rows are checked, as it takes a while."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaErrors

from assets.framework.contract.column_schema import FieldInRange, InRange, TableSchema
from assets.framework.contract.validation import CheckFailure, outside


@cache
def pandera_schema(schema: TableSchema) -> pandera.DataFrameSchema:
    """Return the pandera schema of a table: exactly its columns, with their checks."""
    columns = {
        name: pandera.Column(
            pd.ArrowDtype(each.arrow_type),
            [_pandera_check(check) for check in each.checks],
            nullable=each.nullable,
            title=each.title,
            description=each.description,
        )
        for name, each in schema.columns.items()
    }
    return pandera.DataFrameSchema(columns, strict=True)


def _pandera_check(check: InRange | FieldInRange) -> pandera.Check:
    if isinstance(check, InRange):
        return pandera.Check.in_range(_limit(check.low), _limit(check.high))

    def are_within(lists: pd.Series[Any]) -> pd.Series[Any]:
        array = pa.chunked_array(lists.array.__arrow_array__()).combine_chunks()
        is_outside = outside(check, array.flatten())
        valid = np.ones(len(array), dtype=bool)
        if is_outside.any():
            lengths = array.value_lengths().fill_null(0).to_numpy()
            valid[np.repeat(np.arange(len(array)), lengths)[is_outside]] = False
        return pd.Series(valid, index=lists.index)

    name = f"{check.field}_in_range({check.low}, {check.high})"
    return pandera.Check(are_within, name=name, ignore_na=False)


def _limit(limit: float | datetime) -> float | pd.Timestamp:
    return pd.Timestamp(limit) if isinstance(limit, datetime) else limit


def check_failures(schema: TableSchema, rows: pa.Table) -> list[CheckFailure]:
    """Validate rows by pandera and return the failed checks.

    Raises:
        SchemaErrors: If the table as a whole does not match (a column is missing or has another
            type), which is a bug and not a fault of a response.
    """
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    try:
        pandera_schema(schema).validate(frame, lazy=True)
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
