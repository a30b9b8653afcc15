"""A table of a dataset, and rows for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import pyarrow as pa

from assets.framework.contract.column_schema import TableSchema, arrow_schema
from warehouse.interface.table_spec import History, TableSpec


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table.

    Attributes:
        name: Name of the table, its view and its Dagster asset.
        description: One sentence.
        schema: Its columns.
        key: Columns that identify a row; in a table with history, an item.
        time_column: UTC column whose month names the file; None for tables that stay small.
        device_column: Column that names the device.
        unversioned_columns: None, or, of a table with one row for each item and version, the
            columns whose change makes no new version.
        derived_columns: Computed from other columns of the row, which alone decide whether two
            versions of a row differ.
        requested_columns: UTC columns, besides `time_column`, that must lie in the time that was
            requested.
    """

    name: str
    description: str
    schema: TableSchema
    key: tuple[str, ...]
    time_column: str | None = None
    device_column: str | None = None
    unversioned_columns: tuple[str, ...] | None = None
    derived_columns: tuple[str, ...] = ()
    requested_columns: tuple[str, ...] = ()

    @property
    def essential_columns(self) -> frozenset[str]:
        """Columns without whose value a row cannot be in the table."""
        required = (name for name, each in self.schema.columns.items() if not each.nullable)
        return frozenset({*self.key, *required})

    @property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of the files."""
        return _arrow_schema(self)

    @cache  # noqa: B019 - tables are constants of their modules
    def spec(self, version: int) -> TableSpec:
        """Return the specification for the stores, for a version of the decoder."""
        return TableSpec(
            name=self.name,
            schema=self.arrow_schema,
            key=self.key,
            time_column=self.time_column,
            device_column=self.device_column,
            decoder_version=version,
            description=self.description,
            history=None if self.unversioned_columns is None else History(self.unversioned_columns),
            derived_columns=self.derived_columns,
        )


@cache
def _arrow_schema(table: Table) -> pa.Schema:
    return arrow_schema(table.schema)


class TableRows(NamedTuple):
    """Rows of one table from one response.

    Attributes:
        columns: The table's columns, except provenance, versions and the names of codes.
        elements: For each row, the position of its JSON element.
        exploded: Whether an element can give several rows or none.
        places: For each row, its position in the list of its element; None if each item of the list
            gives a row.
    """

    columns: Mapping[str, pa.Array]
    elements: Sequence[int]
    exploded: bool = False
    places: Sequence[int] | None = None
