"""Where a shared budget is stored, and how to open it."""

from __future__ import annotations

from pathlib import Path

from givenergy.budget.budget_store import Store
from givenergy.budget.postgres_url import PostgresUrl
from givenergy.budget.sqlite_store import SqliteStore
from givenergy.errors import BudgetStoreError

__all__ = ["StoreLocation", "open_store"]

StoreLocation = Path | PostgresUrl


def open_store(
    where: StoreLocation, *, notice_ms: int, window_ms: int, is_read_only: bool = False
) -> Store:
    """Open the store at a location; see `SqliteStore` and `PostgresStore` for the options.

    Raises:
        BudgetStoreError: If it cannot be used.
        ValueError: If a file is to be opened for reading only: read a copy.
    """
    if isinstance(where, Path):
        if is_read_only:
            raise ValueError("A file is read by a copy of it.")
        return SqliteStore(where, notice_ms=notice_ms, window_ms=window_ms)
    try:
        # Only those who share a budget over machines have its library.
        from givenergy.budget.postgres_store import PostgresStore
    except ModuleNotFoundError as error:
        raise BudgetStoreError(
            f"The request budget in {where} needs {error.name}, which is not installed.",
            hint="Run: pip install 'givlake[postgres]'",
        ) from error
    return PostgresStore(where, notice_ms=notice_ms, window_ms=window_ms, is_read_only=is_read_only)
