"""The request budget of an account: in the data folder, or in a database that machines share."""

import os
import sqlite3
import tempfile
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from givenergy.account_identity import forget_identity
from givenergy.budget.postgres_url import PostgresUrl
from givenergy.budget.request_budget import BudgetSnapshot, RequestBudget
from givenergy.budget.shared_budget import SharedRequestBudget
from givenergy.budget.store_location import StoreLocation
from givenergy.errors import BudgetStoreError, NoBudgetError
from pipelines.settings import Settings


def open_budget(settings: Settings, account: str, reserve: int | None = None) -> RequestBudget:
    """Open the request budget of an account.

    Args:
        settings: Where the budget is.
        account: Key of the account.
        reserve: Requests per minute left to other programs; None takes the setting.
    """
    return SharedRequestBudget(
        budget_store(settings),
        account=account,
        reserve=settings.reserve if reserve is None else reserve,
    )


def budget_snapshot(settings: Settings, account: str) -> BudgetSnapshot | None:
    """Return the state of an account's request budget; None if it has none. Nothing is changed.

    Raises:
        BudgetStoreError: It cannot be read; a server that does not answer is not waited for.
    """
    store = budget_store(settings)
    if isinstance(store, PostgresUrl):
        try:
            return _snapshot(store, settings, account, is_read_only=True)
        except NoBudgetError:
            return None
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
        return _snapshot(copy, settings, account)


def budget_store(settings: Settings) -> StoreLocation:
    """Return where the request budget is: a file, or a database."""
    if settings.budget_url is not None:
        return PostgresUrl(settings.budget_url)
    return _budget_file(settings)


def shared_budget_line(settings: Settings) -> str | None:
    """Return a sentence on where a budget of several machines is; None where it is a file."""
    if settings.budget_url is None:
        return None
    return f"requests are counted in {budget_store(settings)}, together with other machines"


def counts_requests(settings: Settings) -> bool:
    """Return whether a command that must not change the data folder can count its requests."""
    store = budget_store(settings)
    return isinstance(store, PostgresUrl) or os.access(store, os.W_OK)


def forget_in_budget(settings: Settings, names: Collection[str], accounts: Collection[str]) -> None:
    """Remove accounts from the budget and, from a database, leases that name a device.

    The leases of a file are removed with the names in the other files of the data folder. There may
    be a file from before the database was used.
    """
    store = budget_store(settings)
    for place in {store, _budget_file(settings)}:
        for key in accounts:
            forget_identity(place, settings.url, key)
    if isinstance(store, PostgresUrl):
        with closing(SharedRequestBudget(store, account="")) as budget:
            budget.forget_leases(names)


def _budget_file(settings: Settings) -> Path:
    return settings.data / "state" / "budget.sqlite"


def _snapshot(
    store: StoreLocation, settings: Settings, account: str, *, is_read_only: bool = False
) -> BudgetSnapshot:
    with closing(
        SharedRequestBudget(
            store, account=account, reserve=settings.reserve, is_read_only=is_read_only
        )
    ) as budget:
        return budget.snapshot()
