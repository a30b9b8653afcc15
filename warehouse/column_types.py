"""The types of columns as DuckDB names them, found without a data folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from warehouse.interface.table_spec import TableSpec
from warehouse.interface.view_spec import ViewSpec
from warehouse.standard_views import system_views

_ALL_COLUMNS = """\
SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal
ORDER BY table_name, column_index"""
_SHORT = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}


def column_types(
    tables: Sequence[TableSpec], views: Sequence[ViewSpec] = ()
) -> Mapping[str, Mapping[str, str]]:
    """Return the types of the columns of everything in a catalogue, by its name.

    Args:
        tables: Every table.
        views: Views in addition to those of the tables, each after those that it reads.
    """
    types: dict[str, dict[str, str]] = {}
    with duckdb.connect(config={"threads": 1}) as connection:
        # Without files, a table of the same columns stands for each view over files.
        for name, schema in (
            *((view.name, view.schema) for view in system_views(Path())),
            *((spec.name, spec.schema) for spec in tables),
        ):
            connection.from_arrow(schema.empty_table()).create(name)
        statements = [f'CREATE VIEW "{spec.version_view}" AS FROM "{spec.name}"' for spec in tables]
        statements += [view.statements()[0] for view in views]
        connection.execute("\n;\n".join(statements))
        for name, column, kind in connection.execute(_ALL_COLUMNS).fetchall():
            types.setdefault(name, {})[column] = _SHORT.get(kind, kind)
        for view in views:
            if view.parameters:
                for column, kind, *_ in connection.execute(f"DESCRIBE {view.example}").fetchall():
                    types.setdefault(view.name, {})[column] = _SHORT.get(kind, kind)
    return types
