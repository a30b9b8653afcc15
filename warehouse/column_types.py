"""The types of columns as DuckDB names them, found without a data folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse.interface.table_spec import TableSpec
from warehouse.interface.view_spec import ViewSpec
from warehouse.standard_views import system_views, table_views

_SHORT = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}


def column_types(
    tables: Sequence[TableSpec], views: Sequence[ViewSpec] = ()
) -> dict[str, Mapping[str, str]]:
    """Return the types of the columns of everything in a catalogue, by its name.

    Args:
        tables: Every table.
        views: Views in addition to those of the tables, each after those that it reads.
    """
    types: dict[str, Mapping[str, str]] = {}
    with duckdb.connect(config={"threads": 1}) as connection:
        for view in (*system_views(Path()), *table_views(Path(), tables)):
            # Without files, a table of the same columns stands for each view over files.
            relation = connection.from_arrow(view.schema.empty_table())
            relation.create(view.name)
            types[view.name] = _types(relation)
        for view in views:
            create, *_ = view.statements()
            connection.execute(create)
            types[view.name] = _types(connection.sql(view.example))
    return types


def sql_types(schema: pa.Schema) -> Mapping[str, str]:
    """Return the types of the columns of a table, as DuckDB reads them from its files."""
    with duckdb.connect(config={"threads": 1}) as connection:
        return _types(connection.from_arrow(schema.empty_table()))


def _types(relation: duckdb.DuckDBPyRelation) -> Mapping[str, str]:
    names = [str(each) for each in relation.types]
    return dict(zip(relation.columns, (_SHORT.get(name, name) for name in names), strict=True))
