"""Arrow fields whose metadata carries the description of the column."""

import pyarrow as pa

__all__ = ["arrow_field"]


def arrow_field(name: str, kind: pa.DataType, description: str) -> pa.Field:
    """Return a field with a description, which the catalogue shows as the column's comment."""
    return pa.field(name, kind, metadata={"description": description})
