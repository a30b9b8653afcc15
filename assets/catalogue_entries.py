"""What is in the catalogue: every table, view and macro with its columns, described for people.

The data dictionary and `givlake describe` are made of it. It comes from the same declarations as
the comments in the catalogue and the descriptions of Dagster's assets; types are DuckDB's. No data
folder is needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from assets.catalogue_views import DEFAULT_CURRENCY, derived_views_with_reads, types_of_columns
from assets.framework.code_views import code_views
from assets.framework.contract.column_units import unit_of
from assets.framework.contract.dataset import Dataset
from assets.framework.contract.description import describe_table
from assets.framework.contract.table import Table
from assets.marts.mart_file import Mart, marts
from assets.registry import datasets
from warehouse.interface.view_spec import ViewSpec, comment_of
from warehouse.standard_views import system_views, table_views


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """A column.

    Attributes:
        name: Its name.
        type: Its type, as DuckDB names it.
        unit: Symbol of its unit; "" if it has none.
        description: Its comment.
        source: Path of its JSON leaf in a row of the response; "" if it is computed.
        is_nullable: Whether it can be null.
    """

    name: str
    type: str
    unit: str
    description: str
    source: str = ""
    is_nullable: bool = True


@dataclass(frozen=True, slots=True)
class ParameterEntry:
    """A parameter of a macro.

    Attributes:
        name: Its name.
        default: SQL of its default; "" if it must be given.
        description: What it is.
    """

    name: str
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A table, view or macro.

    Attributes:
        name: Its name.
        kind: `mart`, `macro`, `table`, `view` (of givlake's records and of comparisons), or
            `version view` (of a table).
        group: Its group of assets in Dagster; "" if it is no asset.
        description: Its comment.
        notes: Further sentences.
        key: The columns that identify a row, if any do.
        source: Method and path of the endpoint that it is read from; "" if it is derived.
        reads: The tables, views and macros that it is derived from.
        parameters: The parameters of a macro.
        columns: All columns, in order.
    """

    name: str
    kind: str
    group: str
    description: str
    notes: tuple[str, ...]
    key: tuple[str, ...]
    source: str
    reads: tuple[str, ...]
    parameters: tuple[ParameterEntry, ...]
    columns: tuple[ColumnEntry, ...]


@cache
def catalogue_entries() -> dict[str, CatalogueEntry]:
    """Return everything in the catalogue by name: marts and macros, tables, other views."""
    return {entry.name: entry for entry in (*_derived(), *_tables(), *_system_views())}


def in_currency(entry: CatalogueEntry, currency: str) -> CatalogueEntry:
    """Return an entry with columns of money as folders with tariffs in a currency have them."""
    default, ending = f"_{DEFAULT_CURRENCY.lower()}", f"_{currency.lower()}"
    columns = tuple(
        replace(
            column,
            name=column.name.replace(default, ending),
            unit=column.unit.replace(DEFAULT_CURRENCY, currency),
        )
        for column in entry.columns
    )
    return replace(entry, columns=columns)


def _derived() -> Iterator[CatalogueEntry]:
    by_name = {mart.name: mart for mart in marts()}
    views = {view.spec.name: view for view in derived_views_with_reads()}
    for name in sorted(views, key=lambda name: (name not in by_name, name)):
        view = views[name]
        mart = by_name.get(name)
        yield _entry(
            view.spec,
            "view" if mart is None else "macro" if mart.parameters else "mart",
            group=view.group,
            notes=() if mart is None else mart.notes,
            reads=view.reads,
            parameters=() if mart is None else tuple(_parameters(mart)),
        )


def _parameters(mart: Mart) -> Iterator[ParameterEntry]:
    for declared, text in mart.parameters.items():
        name, _, default = declared.partition(" := ")
        yield ParameterEntry(name, default, text)


def _tables() -> Iterator[CatalogueEntry]:
    for dataset in datasets():
        for table in dataset.output_tables:
            spec = table.spec(dataset.version)
            rows, versions = table_views(Path(), [spec])
            yield _table_entry(dataset, table, rows)
            yield _entry(versions, "version view", reads=(table.name,))


def _table_entry(dataset: Dataset, table: Table, rows: ViewSpec) -> CatalogueEntry:
    _, *notes = describe_table(dataset, table)
    source = f"{dataset.endpoint.method} {dataset.endpoint.path}"
    return _entry(rows, "table", group=dataset.group, notes=tuple(notes), source=source)


def _system_views() -> Iterator[CatalogueEntry]:
    for view in (*code_views(), *system_views(Path())):
        yield _entry(view, "view")


def _entry(
    view: ViewSpec,
    kind: str,
    *,
    group: str = "",
    notes: tuple[str, ...] = (),
    source: str = "",
    reads: tuple[str, ...] = (),
    parameters: tuple[ParameterEntry, ...] = (),
) -> CatalogueEntry:
    columns = tuple(
        ColumnEntry(
            name=name,
            type=type_name,
            unit=unit_of(name),
            description=comment_of(view.schema.field(name)),
            source=(view.schema.field(name).metadata or {}).get(b"source", b"").decode(),
            is_nullable=view.schema.field(name).nullable,
        )
        for name, type_name in types_of_columns()[view.name].items()
    )
    return CatalogueEntry(
        view.name,
        kind,
        group,
        view.description,
        notes,
        view.key,
        source,
        reads,
        parameters,
        columns,
    )
