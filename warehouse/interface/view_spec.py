"""Specification of a view or table macro of the catalogue, and the SQL that creates it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from warehouse.attached_database import quoted
from warehouse.interface.duckdb_types import column_types


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """A view, or a table macro, which is a view with parameters.

    Attributes:
        name: Its name.
        sql: Its SELECT.
        description: One or two sentences.
        schema: Its columns, with titles and descriptions in their metadata.
        parameters: The parameters of a macro, such as `first_day` or `days := 28`; none: a view.
        key: The columns that identify a row, if any do.
    """

    name: str
    sql: str
    description: str
    schema: pa.Schema
    parameters: tuple[str, ...] = ()
    key: tuple[str, ...] = ()

    @property
    def create(self) -> str:
        """The SQL that creates the view or macro."""
        select = self.sql.strip()
        if self.parameters:
            parameters = ", ".join(self.parameters)
            return f'CREATE OR REPLACE MACRO "{self.name}"({parameters}) AS TABLE {select}'
        return f'CREATE OR REPLACE VIEW "{self.name}" AS {select}'

    @property
    def create_empty(self) -> str:
        """The SQL that creates a view of the same columns that reads nothing and has no rows."""
        types = column_types(self.schema)
        columns = ", ".join(f'NULL::{types[name]} AS "{name}"' for name in types)
        return f'CREATE OR REPLACE VIEW "{self.name}" AS SELECT {columns} LIMIT 0'

    @property
    def comments(self) -> list[str]:
        """The SQL that describes the view or macro and its columns."""
        if self.parameters:
            # DuckDB keeps no comments on the columns of a macro.
            return comment_statements("MACRO TABLE", self.name, self.description, pa.schema([]))
        return comment_statements("VIEW", self.name, self.description, self.schema)

    @property
    def example(self) -> str:
        """A query of all its columns; the parameters of a macro that have no default are null."""
        if not self.parameters:
            return f'FROM "{self.name}"'
        nulls = ", ".join("NULL" for each in self.parameters if ":=" not in each)
        return f'FROM "{self.name}"({nulls})'


def comment_of(column: pa.Field) -> str:
    """Return the title and the description of a column in one line; "" if it has none."""
    metadata = column.metadata or {}
    texts = (metadata.get(key, b"").decode() for key in (b"title", b"description"))
    return ": ".join(text for text in texts if text)


def comment_statements(kind: str, name: str, description: str, schema: pa.Schema) -> list[str]:
    """Return the SQL that describes a table, view or macro and its columns.

    Args:
        kind: `TABLE`, `VIEW` or `MACRO TABLE`.
        name: Its name.
        description: What it contains.
        schema: Its columns, with titles and descriptions in their metadata.
    """
    return [
        f"COMMENT ON {kind} \"{name}\" IS '{quoted(description)}'",
        *(
            f'COMMENT ON COLUMN "{name}"."{column.name}" IS \'{quoted(comment)}\''
            for column in schema
            if (comment := comment_of(column))
        ),
    ]
