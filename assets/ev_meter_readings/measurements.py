"""Extract measurements from data points and convert them to comparable units."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from types import NoneType
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from assets.framework import (
    Misfit,
    Rejected,
    Rows,
    elements,
    json_text,
    json_type,
    number_of,
    rounded,
)
from givenergy.codes import measurand_units, unit_conversions

_KINDS: dict[str, type[int] | type[float]] = {"measurand": int, "value": float, "unit": int}
# What these are measured in has no second unit that could be meant where none is sent.
_ONE_UNIT = frozenset({"0", "1", "2", "11", "14", "18", "19", "21"})
# Limits of what hardware can do, by unit: a charger of megawatts, a register of a terawatt-hour.
_LIMITS = {
    **dict.fromkeys(("W", "var", "VA"), (-2e6, 2e6)),
    **dict.fromkeys(("Wh", "varh"), (-1e12, 1e12)),
    "A": (-5e3, 5e3),
    "V": (-10.0, 1e4),
    "Hz": (0.0, 1e3),
    "°C": (-100.0, 250.0),
    "%": (-110.0, 110.0),
    "rpm": (0.0, 1e6),
}
_UNLIMITED = (-np.inf, np.inf)


@dataclass(slots=True)
class Measurements:
    """The measurements of all data points of a page, those that can be read.

    Attributes:
        points: Index of each one's data point.
        places: Position of each in the list of its data point.
        columns: `measurand`, `value` and `unit`.
        unit_unreadable: Whether a unit was sent that is no number.
    """

    points: list[int]
    places: list[int]
    columns: dict[str, pa.Array]
    unit_unreadable: np.ndarray


def measurements_of(rows: Rows[Any], body: bytes) -> Measurements:
    """Extract the measurements from data points.

    One without a readable measurand is rejected, and costs its data point none of the others. A
    value or unit that cannot be read is null, and a misfit of the data point.
    """
    points: list[int] = []
    places: list[int] = []
    items: list[Any] = []
    for index, point in enumerate(rows.values):
        count = len(point.measurements or ())
        if not count:
            rows.drift["empty_list", "measurements", json_type(point.measurements)] += 1
            continue
        points += [index] * count
        places += range(count)
        items += point.measurements
    values = {name: [getattr(item, name) for item in items] for name in _KINDS}
    bad: dict[str, list[int]] = {}
    for name, kind in _KINDS.items():
        path = f"measurements[].{name}"
        values[name], bad[name] = _numbers(values[name], kind, path, rows.drift)
    if bad["measurand"]:
        _reject(rows, body, points, items, bad["measurand"])
    nameless = set(bad["measurand"])
    for name in ("value", "unit"):
        for index in set(bad[name]) - nameless:
            path = f"measurements[{places[index]}].{name}"
            sent = json_text(getattr(items[index], name))
            rows.misfits.setdefault(points[index], []).append(Misfit(path, sent))
    unit_unreadable = np.zeros(len(items), dtype=bool)
    unit_unreadable[bad["unit"]] = True
    if nameless:
        kept = [index not in nameless for index in range(len(items))]
        points, places = list(compress(points, kept)), list(compress(places, kept))
        values = {name: list(compress(column, kept)) for name, column in values.items()}
        unit_unreadable = unit_unreadable[kept]
    columns = {
        name: pa.array(values[name], pa.int64() if kind is int else pa.float64())
        for name, kind in _KINDS.items()
    }
    return Measurements(points, places, columns, unit_unreadable)


def _numbers(
    values: list[Any],
    kind: type[int] | type[float],
    field: str,
    drift: Counter[tuple[str, str, str]],
) -> tuple[list[Any], list[int]]:
    """Convert values, which may be text, to numbers; also return the indexes of invalid values."""
    kinds = set(map(type, values)) - {NoneType}
    sizes = (abs(value) for value in values if value is not None)
    if kinds <= {int, kind} and max(sizes, default=0) < 2**63:
        return [None if value is None else kind(value) for value in values], []
    numbers = [None if value is None else number_of(value, kind) for value in values]
    bad = []
    for index, (value, number) in enumerate(zip(values, numbers, strict=True)):
        if number is None and value is not None:
            bad.append(index)
        if (number is None and value is not None) or isinstance(value, str):
            drift["changed_type", field, json_type(value)] += 1
    return numbers, bad


def _reject(
    rows: Rows[Any],
    body: bytes,
    points: Sequence[int],
    items: Sequence[Any],
    nameless: Sequence[int],
) -> None:
    raw_rows = elements(body)
    for index in nameless:
        position = rows.positions[points[index]]
        value = json_text(items[index].measurand)
        raw = bytes(raw_rows[position]).decode(errors="replace")
        rows.rejected.append(
            Rejected(position, "not_decodable", "measurements[].measurand", value, raw)
        )


class _Comparable(NamedTuple):
    """How values in one unit become comparable; a factor of NaN where they cannot."""

    unit: str | None
    factor: float
    offset: float


@cache
def _comparable(measurand: int | None, unit: int | None) -> _Comparable:
    if unit is None:
        certain = str(measurand) in _ONE_UNIT
        factor = 1.0 if certain else np.nan
        return _Comparable(measurand_units()[str(measurand)] if certain else None, factor, 0.0)
    conversion = unit_conversions().get(str(unit))
    return _Comparable(*conversion) if conversion else _Comparable(None, np.nan, 0.0)


def normalised(
    measurements: Measurements, drift: Counter[tuple[str, str, str]]
) -> dict[str, pa.Array]:
    """Convert values to the common unit of their kind; null if their unit is not certain.

    A value beyond what a charger's meter can measure in its unit is null as well, and drift: its
    unit is probably another one than was sent.
    """
    pairs = list(
        zip(
            measurements.columns["measurand"].to_pylist(),
            measurements.columns["unit"].to_pylist(),
            strict=True,
        )
    )
    units = [_comparable(*pair) for pair in pairs]
    factor = np.array([unit.factor for unit in units], dtype=np.float64)
    offset = np.array([unit.offset for unit in units], dtype=np.float64)
    factor[measurements.unit_unreadable] = np.nan
    value = np.asarray(
        measurements.columns["value"].to_numpy(zero_copy_only=False), dtype=np.float64
    )
    # 2.3 kW are 2300 W, as which they also come, and not 2299.9999999999995.
    as_sent = (factor == 1) & (offset == 0)
    with np.errstate(over="ignore", invalid="ignore"):
        comparable = np.where(as_sent, value, rounded(value * factor + offset))
        low, high = (
            np.array([_LIMITS.get(unit.unit or "", _UNLIMITED)[end] for unit in units])
            for end in (0, 1)
        )
        is_implausible = (comparable < low) | (comparable > high) | np.isinf(comparable)
    for index in np.flatnonzero(is_implausible).tolist():
        measurand, unit = pairs[index]
        drift[
            "implausible_value", "measurements[].value", f"measurand {measurand}, unit {unit}"
        ] += 1
    comparable[is_implausible] = np.nan
    unit_names = [
        None if unreadable else unit.unit
        for unit, unreadable in zip(units, measurements.unit_unreadable.tolist(), strict=True)
    ]
    return {
        "value_normalised": pa.array(comparable, pa.float64(), from_pandas=True),
        "unit_normalised": pa.array(unit_names, pa.string()),
    }


def extra_column(rows: Rows[Any], measurements: Measurements) -> pa.Array:
    """Return the unknown fields of each measurement and its data point as JSON text, or null."""
    texts: list[str | None] = [None] * len(measurements.points)
    if rows.extra:
        for row, (point, place) in enumerate(
            zip(measurements.points, measurements.places, strict=True)
        ):
            fields = _own(rows.extra.get(point, {}), place)
            if fields:
                texts[row] = msgspec.json.encode(fields).decode()
    return pa.array(texts, pa.string())


def _own(fields: dict[str, Any], place: int) -> dict[str, Any]:
    """Leave out the fields of other measurements of the same data point."""
    own = {}
    for path, value in fields.items():
        if not path.startswith("measurements["):
            own[path] = value
        elif path.startswith(f"measurements[{place}]"):
            own[path.replace(f"[{place}]", "[]", 1)] = value
    return own
