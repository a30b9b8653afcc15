"""The data of a report as JSON in its page: what the dashboard's server sends, rounded as shown."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

# Decimals by the ending of a column's name, the first that fits; no figure is shown with more.
_DECIMALS = (("_w", 0), ("_watts", 0), ("_percent", 1), ("_s", 0), ("_celsius", 1))
_OTHER_DECIMALS = 3
# Shares and efficiencies, of which percents with a decimal are shown.
_SHARES = ("share_", "self_", "round_trip")
_SHARE_DECIMALS = 4
# A heat map has a colour for each of its many values, and no more digits than a table shows.
_MANY = 2000
_DECIMALS_OF_MANY = 2
# What a page uses of the answer about a chart.
_USED = ("error", "rows", "total_rows", "description")
# Commands are of use to whoever has the data folder, who has the dashboard too.
_NOT_USED = frozenset({"command"})


def rounded_charts(charts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers of the dashboard's charts with rounded numbers, and what pages use."""
    return {name: _rounded_chart(chart) for name, chart in charts.items()}


def script_json(data: object) -> str:
    """Return data as JSON that can stand in a script element of HTML."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Neither an end of the element nor a comment can begin without it.
    return text.replace("<", "\\u003c")


def _rounded_chart(chart: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: chart[name] for name in _USED if name in chart}
    if "columns" not in chart:
        return kept
    columns = {
        name: _rounded(name, values)
        for name, values in chart["columns"].items()
        if name not in _NOT_USED
    }
    return {"columns": columns, **kept}


def _rounded(name: str, values: Sequence[Any]) -> list[Any]:
    decimals = _DECIMALS_OF_MANY if len(values) >= _MANY else _decimals(name)
    return [_number(value, decimals) if isinstance(value, float) else value for value in values]


def _decimals(name: str) -> int:
    if name.startswith(_SHARES):
        return _SHARE_DECIMALS
    return next((count for ending, count in _DECIMALS if name.endswith(ending)), _OTHER_DECIMALS)


def _number(value: float, decimals: int) -> float | int | None:
    if not math.isfinite(value):
        return None
    rounded = round(value, decimals)
    return int(rounded) if rounded == int(rounded) else rounded
