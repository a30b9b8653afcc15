"""The order of a query's rows, on which a test can rely only if it asked for it."""

from __future__ import annotations

from typing import Any


def in_asked_order(rows: list[dict[str, Any]], query: str) -> list[dict[str, Any]]:
    """Return the rows of a query, reversed if it has no ORDER BY.

    DuckDB's threads return rows without ORDER BY in any order: a test that relies on one it did
    not ask for shall fail each time, not once in a while. An ORDER BY of a window counts as one.

    Args:
        rows: All rows that DuckDB returned.
        query: The text of the query; what DESCRIBE lists has the order of the columns.
    """
    asked = query.lstrip().upper().startswith("DESCRIBE") or "ORDER BY" in query.upper()
    return rows if asked else rows[::-1]
