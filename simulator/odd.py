"""Planted nonsense: rows that no well-behaved inverter would send, by rate and repeatable.

Belongs here: the kinds of odd content and how each one spoils a row or the order of rows. Does
not belong here: the everyday oddities that recordings show (``points``), faults of the transport
(``faults``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from simulator import ev_odd
from simulator.noise import key_of, one_uniform, uniform
from simulator.points import Point


@dataclass(frozen=True, slots=True)
class OddRow:
    """One planted oddity: its position in the complete answer, the kind, the row's own time."""

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


_SPOIL: dict[str, Callable[[dict[str, Any]], None]] = {
    "numeric_strings": _numeric_strings,
    "unknown_status": _unknown_status,
    "extra_fields": _extra_fields,
    "unparsable_time": _unparsable_time,
    "missing_time": _missing_time,
    "null_time": _null_time,
    "out_of_range": _out_of_range,
    "booleans": _booleans,
    "nested_null": _nested_null,
    "null_counters": _null_counters,
    "arrays_null": _arrays_null,
    "arrays_empty": _arrays_empty,
    "arrays_three": _arrays_three,
    "wrong_types": _wrong_types,
}
_RESHAPE = ("not_an_object", "duplicate_row", "out_of_order")
KINDS: tuple[str, ...] = (*_SPOIL, *_RESHAPE)  # of data points
LISTING_KINDS: tuple[str, ...] = (
    "flow_keys_unsorted",  # energy flows: keys of the object in the order of text
    "null_snapshot",  # latest system data: every leaf null
    "ems_time_null",  # latest data of an EMS: without a time
    *ev_odd.KINDS,  # EV meter data: see there
)


def check_kinds(rates: Mapping[str, float]) -> None:
    """Raises ``ValueError`` for an unknown kind or a rate outside 0..1."""
    for kind, rate in rates.items():
        if kind not in KINDS + LISTING_KINDS:
            known = ", ".join(KINDS + LISTING_KINDS)
            raise ValueError(f"Odd content {kind!r} is unknown; use one of {known}.")
        if not 0 <= rate <= 1:
            raise ValueError(f"The rate of odd content {kind!r} is {rate}; use 0 to 1.")


def befalls(rates: Mapping[str, float], kind: str, *identity: object) -> bool:
    """Whether an oddity of a listing hits what ``identity`` names."""
    rate = rates.get(kind, 0.0)
    return rate > 0 and one_uniform("odd", kind, *identity) < rate


def plant(
    points: Sequence[Point], rates: Mapping[str, float], *identity: object
) -> tuple[list[Point], list[OddRow]]:
    """The points with oddities planted, and the list of what was planted where.

    ``identity`` (seed, serial, date) decides which rows are hit; each row is hit at most once.
    """
    rates = {kind: rate for kind, rate in rates.items() if kind in KINDS}
    if not rates:
        return list(points), []
    chances = uniform(key_of("odd", *identity), range(len(points))).tolist()
    planted: list[Point] = []
    found: list[OddRow] = []
    for point, chance in zip(points, chances, strict=True):
        kind = _kind(chance, rates)
        if kind is None:
            planted.append(point)
            continue
        if kind == "out_of_order" and planted:
            planted.insert(len(planted) - 1, point)
            position = len(planted) - 2
        else:
            planted.append(_spoilt(point, kind))
            position = len(planted) - 1
        found.append(OddRow(position, kind, point.time_s))
        if kind == "duplicate_row":
            planted.append(point)
    return planted, found


def _kind(chance: float, rates: Mapping[str, float]) -> str | None:
    for kind, rate in rates.items():
        if chance < rate:
            return kind
        chance -= rate
    return None


def _spoilt(point: Point, kind: str) -> Point:
    if kind == "not_an_object":
        return replace(point, text=b'"not a data point"')
    spoil = _SPOIL.get(kind)
    if spoil is None:
        return point
    row = orjson.loads(point.text)
    spoil(row)
    return replace(point, text=orjson.dumps(row))
