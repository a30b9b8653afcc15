"""Anomalies in EV meter data, by rate.

Belongs here: the kinds and how each alters a data point. Does not belong here: regular data points
(`simulator.endpoints.ev_meter_data`). Recordings and users' reports show most of them: energy in
kWh where Wh is expected, power in kW, missing units, numbers as text.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from simulator.seeded_random import Integers, key_of, uniform

Row = dict[str, Any]

_KILO = {0: 1, 2: 3, 4: 5, 6: 7, 8: 9}  # unit -> the one a thousand times as large


def _in_kilo(row: Row, units: tuple[int, ...]) -> None:
    for reading in row["measurements"]:
        if reading["unit"] in units:
            reading["value"] = reading["value"] / 1000
            reading["unit"] = _KILO[reading["unit"]]


def _energy_kwh(row: Row) -> None:
    _in_kilo(row, (0, 2))


def _power_kw(row: Row) -> None:
    _in_kilo(row, (4, 6, 8))


def _fahrenheit(row: Row) -> None:
    for reading in row["measurements"]:
        if reading["unit"] == 12:
            reading["value"] = round(reading["value"] * 9 / 5 + 32, 2)
            reading["unit"] = 13


def _null_unit(row: Row) -> None:
    for reading in row["measurements"]:
        reading["unit"] = None


def _null_value(row: Row) -> None:
    for reading in row["measurements"]:
        reading["value"] = None


def _numeric_strings(row: Row) -> None:
    for reading in row["measurements"]:
        reading["value"] = str(reading["value"])


def _null_measurements(row: Row) -> None:
    row["measurements"] = None


def _empty_measurements(row: Row) -> None:
    row["measurements"] = []


def _unknown_measurand(row: Row) -> None:
    row["measurements"].append({"measurand": 99, "value": 1.5, "unit": None})


def _unknown_unit(row: Row) -> None:
    row["measurements"][0]["unit"] = 42


def _unknown_meter(row: Row) -> None:
    row["meter_id"] = 7


def _unparsable_time(row: Row) -> None:
    row["timestamp"] = "yesterday at noon"


def _missing_time(row: Row) -> None:
    del row["timestamp"]


def _unchanged(row: Row) -> None:
    """Leave the row as it is: the anomaly is that it comes twice."""


def _other_values(row: Row) -> None:
    for reading in row["measurements"]:
        reading["value"] += 1


_ALTER: dict[str, Callable[[Row], None]] = {
    "ev_energy_kwh": _energy_kwh,
    "ev_power_kw": _power_kw,
    "ev_fahrenheit": _fahrenheit,
    "ev_null_unit": _null_unit,
    "ev_null_value": _null_value,
    "ev_numeric_strings": _numeric_strings,
    "ev_null_measurements": _null_measurements,
    "ev_empty_measurements": _empty_measurements,
    "ev_unknown_measurand": _unknown_measurand,
    "ev_unknown_unit": _unknown_unit,
    "ev_unknown_meter": _unknown_meter,
    "ev_unparsable_time": _unparsable_time,
    "ev_missing_time": _missing_time,
    "ev_duplicate_row": _unchanged,
    "ev_conflicting_row": _other_values,
}
KINDS: tuple[str, ...] = tuple(_ALTER)
_TWICE = (KINDS.index("ev_duplicate_row"), KINDS.index("ev_conflicting_row"))


def kinds_of(rates: Mapping[str, float], identity: int, numbers: Integers) -> Integers:
    """Return for each data point the position in `KINDS` of its anomaly, -1 for none."""
    chances = uniform(key_of("odd", identity), numbers)
    result = np.full(len(numbers), -1, np.int64)
    for kind, rate in rates.items():
        if kind in _ALTER:
            result[(result < 0) & (chances >= 0) & (chances < rate)] = KINDS.index(kind)
            chances = chances - rate
    return result


def is_repeated(kind: int) -> bool:
    """Return whether a data point of this kind comes twice, altered the second time."""
    return kind in _TWICE


def count_copies(kinds: Integers) -> Integers:
    """Return how often each data point comes: 2 for repeated kinds, otherwise 1."""
    return 1 + np.isin(kinds, _TWICE).astype(np.int64)


def alter(row: Row, kind: int) -> None:
    """Alter a row as the kind at this position in `KINDS` does."""
    _ALTER[KINDS[kind]](row)
