"""Opens budgets for a test, at the location of the fixture `store`."""

from collections.abc import Callable, Iterator

import pytest

from givenergy.budget import SharedRequestBudget


@pytest.fixture
def open_budget(store) -> Iterator[Callable[..., SharedRequestBudget]]:
    opened = []

    def start(**settings) -> SharedRequestBudget:
        settings = {"account": "test", "window_s": 2.0, "margin_s": 0.1, **settings}
        budget = SharedRequestBudget(store, **settings)
        opened.append(budget)
        return budget

    yield start
    for budget in opened:
        budget.close()
