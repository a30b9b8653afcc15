"""Anomalies in data points: rows that a correct inverter would not send, by rate.

Belongs here: the kinds of anomalies, how each alters a row or the order of rows, and those of other
listings by name. Does not belong here: irregularities that recordings always show
(`data_point_generator`), faults of the transport (`simulator.http.faults`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from simulator.rates import choose_kind
from simulator.seeded_random import key_of, uniform, uniform_of
from simulator.world import ev_anomalies
from simulator.world.data_point_generator import GeneratedDataPoint


@dataclass(frozen=True, slots=True)
class AnomalousRow:
    """One anomaly: its position in the complete response, the kind, the row's own time."""

    position: int
    kind: str
    time_s: int


def _numeric_strings(row: dict[str, Any]) -> None:
    row["power"]["grid"]["power"] = str(row["power"]["grid"]["power"])
    row["power"]["consumption"]["power"] = f" {row['power']['consumption']['power']}.0"
    row["today"]["solar"] = str(row["today"]["solar"])


def _unknown_status(row: dict[str, Any]) -> None:
    row["status"] = "HIBERNATING"


def _extra_fields(row: dict[str, Any]) -> None:
    row["firmware"] = {"build": 4711}
    row["power"]["heat_pump"] = {"power": 850}
    row["power"]["grid"]["power_factor"] = 0.98


def _unparsable_time(row: dict[str, Any]) -> None:
    row["time"] = "yesterday at noon"


def _missing_time(row: dict[str, Any]) -> None:
    del row["time"]


def _null_time(row: dict[str, Any]) -> None:
    row["time"] = None


def _time_years_away(row: dict[str, Any]) -> None:
    row["time"] = f"2099{row['time'][4:]}"


def _unsigned_negative(row: dict[str, Any]) -> None:
    row["power"]["inverter"]["temperature"] = 6532.6


def _out_of_range(row: dict[str, Any]) -> None:
    row["power"]["battery"]["percent"] = 1_234
    row["power"]["grid"]["frequency"] = -5
    row["power"]["inverter"]["power"] = 10**12


def _booleans(row: dict[str, Any]) -> None:
    row["power"]["solar"]["power"] = True
    row["today"]["consumption"] = False


def _nested_null(row: dict[str, Any]) -> None:
    row["power"] = None


def _null_counters(row: dict[str, Any]) -> None:
    row["today"] = None
    row["total"] = {"grid": None, "battery": None}


def _arrays_null(row: dict[str, Any]) -> None:
    row["power"]["solar"]["arrays"] = None


def _arrays_empty(row: dict[str, Any]) -> None:
    row["power"]["solar"]["arrays"] = []


def _arrays_three(row: dict[str, Any]) -> None:
    row["power"]["solar"]["arrays"].append(
        {"array": 3, "voltage": 188.5, "current": 2, "power": 377}
    )


def _wrong_types(row: dict[str, Any]) -> None:
    row["power"]["battery"] = []
    row["status"] = 7
    row["is_metered"] = "yes"


_ALTER: dict[str, Callable[[dict[str, Any]], None]] = {
    "numeric_strings": _numeric_strings,
    "unknown_status": _unknown_status,
    "extra_fields": _extra_fields,
    "unparsable_time": _unparsable_time,
    "missing_time": _missing_time,
    "null_time": _null_time,
    "time_years_away": _time_years_away,
    "out_of_range": _out_of_range,
    "unsigned_negative": _unsigned_negative,
    "booleans": _booleans,
    "nested_null": _nested_null,
    "null_counters": _null_counters,
    "arrays_null": _arrays_null,
    "arrays_empty": _arrays_empty,
    "arrays_three": _arrays_three,
    "wrong_types": _wrong_types,
}
_REORDER = ("not_an_object", "duplicate_row", "out_of_order")
KINDS: tuple[str, ...] = (*_ALTER, *_REORDER)  # of data points
ALL_KINDS: tuple[str, ...] = (
    *KINDS,
    "flow_keys_unsorted",  # energy flows: keys of the object in the order of text
    "null_snapshot",  # latest system data: every leaf null
    "ems_time_null",  # latest data of an EMS: without a time
    *ev_anomalies.KINDS,  # EV meter data: see there
)


def is_hit(rates: Mapping[str, float], kind: str, *identity: object) -> bool:
    """Return whether an anomaly of a listing hits what `identity` names."""
    rate = rates.get(kind, 0.0)
    return rate > 0 and uniform_of("odd", kind, *identity) < rate


def add_anomalies(
    points: Sequence[GeneratedDataPoint], rates: Mapping[str, float], *identity: object
) -> tuple[list[GeneratedDataPoint], list[AnomalousRow]]:
    """Return the points with anomalies, and the list of the anomalies.

    `identity` (seed, serial, date) decides which rows are hit; each row is hit at most once.
    """
    rates = {kind: rate for kind, rate in rates.items() if kind in KINDS}
    if not rates:
        return list(points), []
    chances = uniform(key_of("odd", *identity), range(len(points))).tolist()
    result: list[GeneratedDataPoint] = []
    anomalous: list[AnomalousRow] = []
    for point, chance in zip(points, chances, strict=True):
        kind = choose_kind(chance, rates)
        if kind is None:
            result.append(point)
            continue
        if kind == "out_of_order" and result:
            result.insert(len(result) - 1, point)
            position = len(result) - 2
        else:
            result.append(_altered(point, kind))
            position = len(result) - 1
        anomalous.append(AnomalousRow(position, kind, point.time_s))
        if kind == "duplicate_row":
            result.append(point)
    return result, anomalous


def _altered(point: GeneratedDataPoint, kind: str) -> GeneratedDataPoint:
    if kind == "not_an_object":
        return replace(point, text=b'"not a data point"')
    change = _ALTER.get(kind)
    if change is None:
        return point
    row = msgspec.json.decode(point.text)
    change(row)
    return replace(point, text=msgspec.json.encode(row))
