"""Values that cannot be true become null; the others of their row stay.

A value that fails a check of its column is set to null, and so is what is computed from it. In a
key, or in a column that takes no nulls, it costs the row. Values just below 2^16 or 2^32 that would
be possible as negative numbers are reported: a negative number was read as an unsigned one.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.column_schema import Column, FieldInRange, TableSchema
from assets.framework.contract.table import Table
from assets.framework.contract.validation import (
    CheckFailure,
    field_limits,
    outside,
    value_limits,
)
from assets.framework.decoding.suspect_rows import has_columns_of, suspect_rows

_BITS = (16, 32)
_SCALES = {10: "({limit} - x) / 10", 1: "{limit} - x", 100: "({limit} - x) / 100"}


@dataclass(frozen=True, slots=True)
class NulledValue:
    """A value that became null.

    Attributes:
        row: Index of its row.
        reason: The reason for the quarantine.
        column: Its column; of a list of structs with the field, as `pv_arrays[].voltage_v`; its
            JSON leaf, if it could not be read.
        value: Its text.
        check: The checks that it fails.
        unsigned_negative: How a negative number was sent; "" if it does not look like one.
        table_column: Column of the table that the value was in.
    """

    row: int
    reason: str
    column: str
    value: str
    check: str = ""
    unsigned_negative: str = ""
    table_column: str = ""


@dataclass(slots=True)
class Validated:
    """Rows without invalid values.

    Attributes:
        rows: All rows, with nulls in place of invalid values.
        invalid: Failed checks by row, of rows that cannot be in the table.
        nulled: The values that became null.
    """

    rows: pa.Table
    invalid: dict[int, list[CheckFailure]] = field(default_factory=dict)
    nulled: list[NulledValue] = field(default_factory=list)


def without_invalid_values(table: Table, rows: pa.Table) -> Validated:
    """Check rows, and set values that fail a check to null."""
    validated = Validated(rows)
    essential = table.essential_columns
    by_column: dict[str, dict[int, list[CheckFailure]]] = {}
    for failure in _failures(table.schema, rows):
        if failure.column in essential:
            validated.invalid.setdefault(failure.row, []).append(failure)
        else:
            by_row = by_column.setdefault(failure.column, {})
            by_row.setdefault(failure.row, []).append(failure)
    for name, by_row in by_column.items():
        description = table.schema.columns[name]
        if limits := field_limits(description):
            _null_fields(validated, name, limits)
        else:
            _null_values(validated, name, description, by_row)
    for name, description in table.schema.columns.items():
        if affected := set(description.computed_from) & by_column.keys():
            _set_null(validated, name, {row for each in affected for row in by_column[each]})
    return validated


def _failures(schema: TableSchema, rows: pa.Table) -> Iterator[CheckFailure]:
    """Return the failed checks, by pandera, which is only asked about rows that can fail one."""
    if is_as_declared := has_columns_of(schema, rows):
        suspects = suspect_rows(schema, rows)
        if not len(suspects):
            return
        rows = rows.take(suspects)
    from assets.framework.decoding.pandera_checks import check_failures

    for failure in check_failures(schema, rows):
        yield replace(failure, row=int(suspects[failure.row])) if is_as_declared else failure


def _null_values(
    validated: Validated,
    name: str,
    description: Column,
    by_row: dict[int, list[CheckFailure]],
) -> None:
    limits = value_limits(description)
    for row, failures in sorted(by_row.items()):
        value = validated.rows[name][row].as_py()
        validated.nulled.append(
            NulledValue(
                row,
                "check_failed",
                name,
                failures[0].value,
                "; ".join(dict.fromkeys(failure.check for failure in failures)),
                _unsigned_negative(value, limits.low) if limits else "",
                name,
            )
        )
    _set_null(validated, name, by_row)


def _set_null(validated: Validated, name: str, rows: Collection[int]) -> None:
    column = validated.rows[name].combine_chunks()
    mask = np.zeros(len(column), dtype=bool)
    mask[list(rows)] = True
    _replace(validated, name, pc.if_else(pa.array(mask), pa.scalar(None, column.type), column))


def _null_fields(validated: Validated, name: str, limits: Sequence[FieldInRange]) -> None:
    """Set fields of structs in a list column to null."""
    lists = validated.rows[name].combine_chunks()
    lengths = np.asarray(pc.fill_null(lists.value_lengths(), 0))
    structs = lists.flatten()
    row_of = np.repeat(np.arange(len(lists)), lengths)
    children = {field.name: structs.field(field.name) for field in structs.type}
    for each in limits:
        is_outside = outside(each, structs)
        if not is_outside.any():
            continue
        values = structs.field(each.field)
        for at in np.flatnonzero(is_outside):
            value = values[int(at)].as_py()
            validated.nulled.append(
                NulledValue(
                    int(row_of[at]),
                    "check_failed",
                    f"{name}[].{each.field}",
                    str(value),
                    f"in_range({each.low}, {each.high})",
                    _unsigned_negative(value, each.low),
                    name,
                )
            )
        nothing = pa.scalar(None, values.type)
        children[each.field] = pc.if_else(pa.array(is_outside), nothing, values)
    fields = list(structs.type)
    valid = pa.StructArray.from_arrays(
        list(children.values()), fields=fields, mask=structs.is_null()
    )
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    replaced = pa.ListArray.from_arrays(offsets, valid, type=lists.type, mask=lists.is_null())
    _replace(validated, name, replaced)


def _replace(validated: Validated, name: str, column: pa.Array) -> None:
    at = validated.rows.schema.get_field_index(name)
    validated.rows = validated.rows.set_column(at, validated.rows.schema.field(name), column)


def _unsigned_negative(value: object, low: float | datetime) -> str:
    """Return how a negative number was sent that was read as unsigned; "" if it was not."""
    if isinstance(low, datetime) or not isinstance(value, int | float) or low >= 0:
        return ""
    for bits in _BITS:
        for scale, text in _SCALES.items():
            register = value * scale
            negative = (register - 2**bits) / scale
            is_upper_half = 2 ** (bits - 1) <= register < 2**bits
            if is_upper_half and abs(register - round(register)) < 1e-3 and negative >= low:
                return text.format(limit=2**bits)
    return ""
