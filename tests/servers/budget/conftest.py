"""A request budget in a database of its own."""

import pytest

from givenergy.budget import SharedRequestBudget
from givenergy.budget.postgres_url import PostgresUrl
from tests.support.budget_fixtures import open_budget

__all__ = ["open_budget"]


@pytest.fixture
def simulator_defaults() -> dict[str, object]:
    return {"rows_per_day": 20, "rate_window_s": 2.0}


@pytest.fixture
def store(database) -> PostgresUrl:
    """A database whose tables exist for longer than a window: nothing is held any more."""
    where = PostgresUrl(database)
    SharedRequestBudget(where, account="", window_s=0.01, margin_s=0.0).close()
    return where
