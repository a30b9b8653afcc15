"""Types of published columns: those that every reader of Delta tables knows.

Delta has no unsigned integers, times of day or durations. Timestamps without a zone are a feature
that older readers refuse the whole table for. Each such type has a lossless counterpart.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from warehouse.errors import StoreError
from warehouse.interface.view_spec import comment_of

_UTC = pa.timestamp("us", tz="UTC")
_SAME = {
    *(pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64()),
    *(pa.string(), pa.binary(), pa.date32()),
}
_COUNTERPARTS = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.large_string(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.date64(): pa.date32(),
    pa.null(): pa.string(),
}


def published_schema(schema: pa.Schema, names: Mapping[str, str] | None = None) -> pa.Schema:
    """Return the columns of a published table, with their descriptions as Delta's comments.

    Args:
        schema: The columns of the table or view.
        names: New names of columns that Delta's partition columns would hide.

    Raises:
        StoreError: A column has a type without a counterpart.
    """
    return pa.schema(
        pa.field(
            (names or {}).get(field.name, field.name),
            published_type(field.type, field.name),
            metadata={"comment": comment} if (comment := comment_of(field)) else None,
        )
        for field in schema
    )


def published_type(kind: pa.DataType, column: str) -> pa.DataType:
    """Return the type of a published column.

    Args:
        kind: The type in the lake.
        column: Its name, for the message.

    Raises:
        StoreError: There is no lossless counterpart.
    """
    types = pa.types
    if kind in _SAME or types.is_decimal128(kind):
        return kind
    if kind in _COUNTERPARTS:
        return _COUNTERPARTS[kind]
    if types.is_timestamp(kind):
        return pa.string() if kind.tz is None else _UTC
    if types.is_time(kind):
        return pa.string()
    if types.is_duration(kind):
        return pa.int64()
    if types.is_fixed_size_binary(kind):
        return pa.binary()
    if types.is_dictionary(kind):
        return published_type(kind.value_type, column)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(published_type(kind.value_type, column))
    if types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        return pa.struct([(each.name, published_type(each.type, column)) for each in fields])
    raise StoreError(f"column {column!r} has type {kind}, which Delta tables cannot hold")


def published_rows(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Convert rows, column by column in their order, to a published schema.

    Raises:
        StoreError: A value has no counterpart, such as a time finer than a microsecond.
    """
    try:
        columns = [
            _converted(column, field.type)
            for column, field in zip(rows.columns, schema, strict=True)
        ]
    except pa.ArrowInvalid as error:
        raise StoreError(f"rows cannot be published without loss: {error}") from error
    return pa.Table.from_arrays(columns, schema=schema)


def _converted(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    types = pa.types
    if types.is_duration(column.type):
        return column.cast(pa.duration("us")).cast(pa.int64())
    if types.is_string(kind) and types.is_timestamp(column.type):
        try:
            return column.cast(pa.timestamp("s")).cast(kind)  # without zeros after the second
        except pa.ArrowInvalid:
            return column.cast(kind)
    if types.is_string(kind) and types.is_time(column.type):
        try:
            return column.cast(pa.time32("s")).cast(kind)
        except pa.ArrowInvalid:
            return column.cast(kind)
    return column.cast(kind)
