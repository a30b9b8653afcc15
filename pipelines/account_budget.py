"""The request budget of an account, in the data folder."""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from givenergy.budget.request_budget import BudgetSnapshot, RequestBudget
from givenergy.budget.shared_budget import SharedRequestBudget
from givenergy.errors import BudgetStoreError
from pipelines.settings import Settings


def open_budget(settings: Settings, account: str, reserve: int | None = None) -> RequestBudget:
    """Open the request budget of an account.

    Args:
        settings: Where the data folder is.
        account: Key of the account.
        reserve: Requests per minute left to other programs; None takes the setting.
    """
    return SharedRequestBudget(
        budget_store(settings),
        account=account,
        reserve=settings.reserve if reserve is None else reserve,
    )


def budget_snapshot(settings: Settings, account: str) -> BudgetSnapshot | None:
    """Return the state of an account's request budget; None if it has none. Nothing is changed."""
    store = budget_store(settings)
    if not os.access(store, os.R_OK):
        return None
    with tempfile.TemporaryDirectory(prefix="givlake-") as folder:
        copy = Path(folder, store.name)
        try:
            with (
                closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        except sqlite3.Error as error:
            raise BudgetStoreError(
                f"The request budget {store} cannot be read ({error}): remove it if it is damaged;"
                " the next command that requests creates it again."
            ) from error
        budget = SharedRequestBudget(copy, account=account, reserve=settings.reserve)
        try:
            return budget.snapshot()
        finally:
            budget.close()


def budget_store(settings: Settings) -> Path:
    """Return the file of the request budget."""
    return settings.data / "state" / "budget.sqlite"
