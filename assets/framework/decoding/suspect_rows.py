"""Which rows can fail a check: a comparison of whole columns, where pandera takes 50 times as long.

Most responses hold no row that fails a check, so pandera is neither imported nor run for them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.column_schema import Column, InRange, TableSchema
from assets.framework.contract.validation import outside


def has_columns_of(schema: TableSchema, rows: pa.Table) -> bool:
    """Return whether rows have exactly the columns of a schema, with their types."""
    types = {name: column.arrow_type for name, column in schema.columns.items()}
    return types == dict(zip(rows.schema.names, rows.schema.types, strict=True))


def suspect_rows(schema: TableSchema, rows: pa.Table) -> np.ndarray:
    """Return the indices of all rows that fail a check of their columns, in order.

    Args:
        schema: The checks.
        rows: Rows with exactly its columns.
    """
    suspects = np.zeros(rows.num_rows, dtype=bool)
    for name, column in schema.columns.items():
        for failing in _failing(column, rows[name]):
            suspects |= failing
    return np.flatnonzero(suspects)


def _failing(column: Column, values: pa.ChunkedArray) -> Iterator[np.ndarray]:
    """Mark the rows that fail, check by check; nothing is yielded where none can fail."""
    if not column.nullable and values.null_count:
        yield values.is_null().to_numpy()
    for check in column.checks:
        if isinstance(check, InRange):
            # A value that is not a number is in no range.
            within = pc.and_(pc.greater_equal(values, check.low), pc.less_equal(values, check.high))
            yield pc.invert(within.fill_null(True)).to_numpy()
        elif values.null_count < len(values):
            lists = values.combine_chunks()
            is_outside = outside(check, lists.flatten())
            if is_outside.any():
                lengths = np.asarray(lists.value_lengths().fill_null(0))
                yield np.bincount(
                    np.repeat(np.arange(len(lists)), lengths)[is_outside], minlength=len(lists)
                ).astype(bool)
