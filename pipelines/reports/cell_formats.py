"""How the figures of a report are written: in English, with a dash for what is not known."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

NOT_KNOWN = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}
# Columns of these kinds are aligned to the left.
TEXTS = frozenset(
    {"text", "long", "day", "bucket", "month", "time", "yes", "cause", "dataset", "state"}
)
# In the words of the dashboard's page.
WORDS = {
    "cause": {
        "not_fetched": "not fetched",
        "not_sent": "never reached the API",
        "device_off": "device was off",
        "unknown": "unknown",
    },
    "state": {
        "complete": "complete",
        "provisional": "not final yet",
        "empty": "confirmed empty",
        "not_built": "not in the tables yet",
        "unproven": "not proven",
        "partial": "partial",
        "failed": "failed",
        "forbidden": "forbidden",
        "gone": "gone",
        "not_requested": "not requested",
    },
    "dataset": {
        "inverter_data_points": "Readings",
        "energy_flows": "Energy flows",
        "energy_flow_aggregates": "Flow totals",
        "inverter_events": "Events",
        "ev_charging_sessions": "Car sessions",
        "ev_meter_readings": "Charger readings",
        "smart_device_readings": "Smart devices",
        "inverter_grid_meter_readings": "Grid meter",
        "tariff_automation": "Tariff automation",
    },
}
Formatter = Callable[[Any], str]


def formatters(currency: str, zone: str, bucket: str) -> dict[str, Formatter]:
    """Return the functions that write a value, by kind of column.

    Args:
        currency: ISO code of the currency of money.
        zone: Time zone of times.
        bucket: What a row of a chart with buckets is about: `day`, `month` or `year`.
    """
    return {
        "text": str,
        "long": str,
        **{kind: partial(worded, kind) for kind in WORDS},
        "day": _day,
        "bucket": lambda text: _bucket(text, bucket),
        "time": lambda text: _time(text, zone),
        "yes": lambda value: "yes" if value else "no",
        "count": lambda value: f"{value:,}",
        "kwh": lambda value: _number(value, 2),
        "number": lambda value: _number(value, 1),
        "watts": lambda value: _number(value, 0),
        "percent": lambda value: f"{_number(value, 0)} %",
        "share": lambda value: f"{_number(value * 100, 0)} %",
        "money": lambda value: money(value, currency),
        "pence": lambda value: _number(value, 2),
        "duration": _duration,
        "month": lambda text: _bucket(text, "month"),
    }


def worded(kind: str, name: str) -> str:
    """Return a cause, a state or a dataset in words."""
    return WORDS[kind].get(name) or name.replace("_", " ")


def money(value: float, currency: str) -> str:
    """Return an amount with its currency."""
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    amount = f"{symbol}{abs(value):,.2f}"
    return f"{_MINUS}{amount}" if round(value, 2) < 0 else amount


def of_days(days: int | None, expected: int | None) -> str:
    """Return how many of the days are whole."""
    if days is None or not expected:
        return NOT_KNOWN
    return f"{days:,} of {expected:,} day{'' if expected == 1 else 's'}"


def _number(value: float, decimals: int) -> str:
    text = f"{abs(value):,.{decimals}f}"
    return f"{_MINUS}{text}" if round(value, decimals) < 0 else text


def _day(text: str) -> str:
    day = date.fromisoformat(text[:10])
    return f"{day:%a} {day.day} {day:%b} {day.year}"


def _bucket(text: str, bucket: str) -> str:
    day = date.fromisoformat(text[:10])
    if bucket == "day":
        return f"{day:%a} {day.day} {day:%b}"
    return f"{day:%B %Y}" if bucket == "month" else f"{day.year}"


def _time(text: str, zone: str) -> str:
    local = datetime.fromisoformat(text).astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} d {hours % 24} h"
