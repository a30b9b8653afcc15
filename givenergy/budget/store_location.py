"""Where a shared budget is stored, and how to open it."""

from __future__ import annotations

from pathlib import Path

from givenergy.budget.budget_store import Store
from givenergy.budget.sqlite_store import SqliteStore

__all__ = ["StoreLocation", "open_store"]

StoreLocation = Path


def open_store(where: StoreLocation, *, notice_ms: int, window_ms: int) -> Store:
    """Open the store at a location; see `SqliteStore` for the times.

    Raises:
        BudgetStoreError: If it cannot be used.
    """
    return SqliteStore(where, notice_ms=notice_ms, window_ms=window_ms)
