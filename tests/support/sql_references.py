"""What an SQL query reads, by DuckDB's own parser."""

import json
from typing import Any

import duckdb


def references(sql: str) -> set[str]:
    """Return the tables, views and table functions that a query names, but not its own CTEs."""
    row = duckdb.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    assert row is not None
    parsed = json.loads(row[0])
    assert not parsed["error"], parsed
    built_in = duckdb.execute("SELECT function_name FROM duckdb_functions()").fetchall()
    return set(_names(parsed["statements"], frozenset())) - {name for (name,) in built_in}


def _names(node: Any, ctes: frozenset[str]) -> list[str]:
    if isinstance(node, list):
        return [name for each in node for name in _names(each, ctes)]
    if not isinstance(node, dict):
        return []
    ctes |= {each["key"] for each in (node.get("cte_map") or {}).get("map", [])}
    own = []
    if node.get("type") == "BASE_TABLE" and node["table_name"] not in ctes:
        own = [node["table_name"]]
    if node.get("type") == "TABLE_FUNCTION":
        # A text is the name of the view that a macro reads.
        function = node["function"]
        literals = (each["expression"].get("literal") or {} for each in function["arguments"])
        texts = [each.get("text") for each in literals if each.get("kind") == "STRING"]
        own = [function["function_name"], *(text for text in texts if str(text).isidentifier())]
    return own + [name for each in node.values() for name in _names(each, ctes)]
