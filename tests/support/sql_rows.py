"""The order of a query's rows, on which a test can rely only if it asked for it."""

from __future__ import annotations

from typing import Any


def in_asked_order(rows: list[dict[str, Any]], query: str) -> list[dict[str, Any]]:
    """Return the rows of a query as they came, or the last first if it names no order.

    DuckDB's threads give rows without ORDER BY in any order. So a test that relies on an order it
    did not ask for fails each time and not once in a while.

    Args:
        rows: All rows that DuckDB returned.
        query: The text of the query; what DESCRIBE lists has the order of the columns.
    """
    asked = query.lstrip().upper().startswith("DESCRIBE") or "ORDER BY" in query.upper()
    return rows if asked else rows[::-1]
