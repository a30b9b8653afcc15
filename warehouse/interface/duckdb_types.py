"""The names that DuckDB has for the types of columns."""

from __future__ import annotations

import pyarrow as pa

_NAMES = {
    pa.binary(): "BLOB",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.float64(): "DOUBLE",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.string(): "VARCHAR",
    pa.time64("us"): "TIME",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
}
_ARROW_TYPES = {name.lower(): kind for kind, name in _NAMES.items()}
# Names of fields that DuckDB takes for words of SQL.
_QUOTED = {"array"}


def type_name(kind: pa.DataType) -> str:
    """Return DuckDB's name of an Arrow type.

    Raises:
        KeyError: No column has this type.
    """
    if pa.types.is_fixed_size_binary(kind):
        return "BLOB"
    if pa.types.is_list(kind):
        return f"{type_name(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = (kind.field(number) for number in range(kind.num_fields))
        return f"STRUCT({', '.join(f'{_name(each)} {type_name(each.type)}' for each in fields)})"
    return _NAMES[kind]


def column_types(schema: pa.Schema) -> dict[str, str]:
    """Return DuckDB's type of each column, by its name."""
    return {column.name: type_name(column.type) for column in schema}


def arrow_type(name: str) -> pa.DataType:
    """Return the Arrow type that has this name in DuckDB, in lower case.

    Raises:
        ValueError: It is not the type of a single value, or has another name.
    """
    try:
        return _ARROW_TYPES[name]
    except KeyError:
        raise ValueError(f"type {name!r} is none of {', '.join(sorted(_ARROW_TYPES))}") from None


def _name(field: pa.Field) -> str:
    return f'"{field.name}"' if field.name in _QUOTED else str(field.name)
