"""All views of the catalogue besides those of single tables, in the order of their use."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pyarrow as pa

from assets.framework.code_views import code_views
from assets.framework.decoding.decoder import DatasetDecoder
from assets.marts.mart_file import marts
from assets.reconciliation import RECONCILIATIONS, reconciliation_view
from assets.registry import datasets
from warehouse.interface.duckdb_types import column_types
from warehouse.interface.view_spec import ViewSpec
from warehouse.standard_views import SYSTEM_VIEWS, system_views, table_views

# Of the columns of money in the files of marts, and of tariffs that name no other.
DEFAULT_CURRENCY = "GBP"


@dataclass(frozen=True, slots=True)
class DerivedView:
    """A view or macro that combines or judges tables.

    Attributes:
        spec: The view.
        reads: The tables, views and macros that it reads.
        group: Its group of assets in Dagster.
    """

    spec: ViewSpec
    reads: tuple[str, ...]
    group: str


def catalogue_views(currency: str = DEFAULT_CURRENCY) -> list[ViewSpec]:
    """Return the views that the catalogue has besides those of its tables.

    Args:
        currency: ISO code of the currency of the folder's tariffs.
    """
    return [*code_views(), *derived_views(currency)]


def derived_views(currency: str = DEFAULT_CURRENCY) -> list[ViewSpec]:
    """Return the views that combine or judge tables, each after those that it reads.

    Args:
        currency: ISO code of the currency of the folder's tariffs, which columns of money are
            named by: `saved_gbp` is `saved_eur` where prices are in euros.
    """
    views = [view.spec for view in derived_views_with_reads()]
    if currency == DEFAULT_CURRENCY:
        return views
    return [
        replace(
            view,
            sql=in_currency(view.sql, currency),
            schema=pa.schema(
                field.with_name(in_currency(field.name, currency)) for field in view.schema
            ),
        )
        for view in views
    ]


def in_currency(text: str, currency: str) -> str:
    """Return SQL, or the name of a column, with the columns of money named by a currency.

    Args:
        text: As it is for the default currency.
        currency: ISO code of the currency.
    """
    return text.replace(f"_{DEFAULT_CURRENCY.lower()}", f"_{currency.lower()}")


def without_readers(views: Sequence[ViewSpec], name: str) -> list[ViewSpec]:
    """Leave out a view, and those that read it, at once or through others.

    Args:
        views: Derived views, each after those that it reads.
        name: The view.
    """
    left_out = {name}
    for view in derived_views_with_reads():
        if left_out & set(view.reads):
            left_out.add(view.spec.name)
    return [view for view in views if view.name not in left_out]


def derived_views_with_reads() -> list[DerivedView]:
    """Return the views that combine or judge tables, each after those that it reads.

    Raises:
        ValueError: One reads what is not in the catalogue, or several read each other.
    """
    views = [
        *(DerivedView(mart.view_spec, mart.reads, "marts") for mart in marts()),
        *(
            DerivedView(reconciliation_view(check), check.reads, "data_quality")
            for check in RECONCILIATIONS
        ),
    ]
    tables = [spec for dataset in datasets() for spec in DatasetDecoder(dataset).tables]
    known = {
        *(name for spec in tables for name in (spec.name, spec.version_view)),
        *SYSTEM_VIEWS,
        *(view.name for view in code_views()),
    }
    return ordered(views, known)


@cache
def types_of_columns() -> Mapping[str, Mapping[str, str]]:
    """Return DuckDB's type of each column of everything in the catalogue, by its name."""
    tables = [spec for dataset in datasets() for spec in DatasetDecoder(dataset).tables]
    views = (*system_views(Path()), *table_views(Path(), tables), *catalogue_views())
    return {view.name: column_types(view.schema) for view in views}


def ordered(views: Iterable[DerivedView], known: Collection[str]) -> list[DerivedView]:
    """Sort views so that each is after those that it reads.

    Args:
        views: The views, in any order.
        known: Names of what is in the catalogue before them.

    Raises:
        ValueError: One reads what is not in the catalogue, or several read each other.
    """
    by_name = {view.spec.name: view for view in views}
    for name, view in by_name.items():
        if name in known:
            raise ValueError(f"the catalogue has two views of the name {name}: rename one")
        for read in view.reads:
            if read not in known and read not in by_name:
                raise ValueError(f"{name} reads {read}, which is not in the catalogue")
    graph = {
        name: [read for read in view.reads if read in by_name] for name, view in by_name.items()
    }
    try:
        return [by_name[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = " reads ".join(reversed(error.args[1]))
        raise ValueError(f"these views read each other: {circle}") from None
