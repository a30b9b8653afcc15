"""The data of a report as JSON: rounded as they are shown, and no text twice.

`page/report-before.js` unpacks them for the page's script, which gets what the dashboard's server
would send.
"""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import groupby
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


def packed_charts(charts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers of the dashboard's charts with packed columns."""
    return {
        name: {**chart, "columns": _packed_columns(chart["columns"])}
        if "columns" in chart
        else chart
        for name, chart in charts.items()
    }


def script_json(data: object) -> str:
    """Return data as JSON that can stand in a script element of HTML."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    # Neither an end of the element nor a comment can begin without it.
    return text.replace("<", "\\u003c")


def _packed_columns(columns: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {
        name: _scaled(values) if _is_long(values) else _packed(_rounded(name, values))
        for name, values in columns.items()
    }


def _is_long(values: Sequence[Any]) -> bool:
    return len(values) >= _MANY and any(isinstance(value, float) for value in values)


def _scaled(values: Sequence[Any]) -> dict[str, Any]:
    """Return numbers as whole numbers and what to divide them by, without `0.` before each."""
    per = 10**_DECIMALS_OF_MANY
    numbers = [None if value is None else _number(value * per, 0) for value in values]
    return {"values": numbers, "per": per}


def _rounded(name: str, values: Sequence[Any]) -> list[Any]:
    decimals = _decimals(name)
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


def _packed(values: list[Any]) -> Any:
    """Return values as they are, as runs, or as numbers of distinct values: the shortest."""
    if len(values) < 3 or not any(isinstance(value, str) for value in values):
        return values
    runs = [(value, len(list(equal))) for value, equal in groupby(values)]
    if len(runs) <= len(values) // 2:
        return {"values": [value for value, _ in runs], "runs": [length for _, length in runs]}
    distinct = list(dict.fromkeys(values))
    if len(distinct) <= len(values) // 2:
        number = {value: index for index, value in enumerate(distinct)}
        return {"values": distinct, "at": [number[value] for value in values]}
    return values
