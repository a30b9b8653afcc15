"""All views of the catalogue besides those of single tables, in the order of their use."""

from collections.abc import Sequence

from assets.energy_balance import balance_views_with_tables
from assets.framework.code_views import code_views
from assets.reconciliation import views_with_tables
from warehouse import ViewSpec


def catalogue_views() -> list[ViewSpec]:
    """Return the views that the catalogue has besides those of its tables."""
    return [*code_views(), *derived_views()]


def derived_views() -> list[ViewSpec]:
    """Return the views that combine or judge tables, each after those that it reads."""
    return [view for view, _, _ in derived_views_with_tables()]


def derived_views_with_tables() -> list[tuple[ViewSpec, Sequence[str], str]]:
    """Return the views, each with the names of the tables that it reads and its asset group."""
    return [
        *((view, tables, "energy_flows") for view, tables in balance_views_with_tables()),
        *((view, tables, "data_quality") for view, tables in views_with_tables()),
    ]
