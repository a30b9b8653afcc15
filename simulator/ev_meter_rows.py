"""Data points of the meters of an EV charger (contract, "Meter Data").

Belongs here: when meters report, what they read, which parameters choose among it. Does not belong
here: the energy behind it (``ev_sessions``), planted nonsense (``ev_odd``).

Oldest first, meters in the order of their ids; the contract names no order. A point that is taken
while the charger is offline is lost. Both ends of a range belong to it.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator import ev_odd
from simulator.answers import ApiError
from simulator.ev_chargers import Charger
from simulator.listings import LazyRows, Parameters
from simulator.local_time import DAY_S
from simulator.noise import Floats, Integers, spread, uniform
from simulator.world import World

MEASURANDS = range(22)
METERS = range(4)

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_READ_BY = {0: (1, 4, 13, 20, 21, 11), 1: (13, 12, 21), 2: (13, 21)}
_WH, _W, _A, _V, _CELSIUS = 0, 4, 10, 11, 12
_UNITS = {1: _A, 4: _WH, 11: None, 12: _W, 13: _W, 20: _CELSIUS, 21: _V}


class EvMeterData:
    """The listing "ev-meter-data"; its devices are chargers' UUIDs."""

    def __init__(self, world: World) -> None:
        """Of all chargers of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The data points that are there by now, made as they are looked at."""
        wish = _Wish(parameters, self._world)
        charger = self._world.chargers[device_id]
        meters = [
            m for m in charger.meters if m in wish.meters and wish.measurands & {*_READ_BY[m]}
        ]
        ticks = self._ticks(charger, wish.start_s, wish.end_s)
        times = np.repeat(ticks, len(meters))
        ids = np.tile(np.array(meters, np.int64), len(ticks))
        kinds = ev_odd.kinds_of(self._world.config.odd, charger.key, times * len(METERS) + ids)
        often = ev_odd.comes_twice(kinds)
        again = np.concatenate([np.arange(n) for n in often]) if (often > 1).any() else 0 * times
        times, ids, kinds = (np.repeat(column, often) for column in (times, ids, kinds))

        def rows(shown: slice) -> list[dict[str, Any]]:
            made = _read(charger, times[shown], ids[shown], wish.measurands)
            for row, kind, repeated in zip(
                made, kinds[shown].tolist(), again[shown].tolist(), strict=True
            ):
                # Of two that contradict each other the first is as it would have been.
                if kind >= 0 and (repeated or not ev_odd.is_repeated(kind)):
                    ev_odd.spoil(row, kind)
            return made

        return LazyRows(len(times), rows)

    def _ticks(self, charger: Charger, start_s: int, end_s: int) -> Integers:
        """When data points were taken that have arrived by now."""
        now_s = self._world.now().timestamp()
        every_s = self._world.config.ev_points_every_s
        # The first charger of an account reports on the full minute, midnight included.
        offset_s = 17 * charger.number % every_s
        first = max(start_s, charger.registered_s)
        first += (offset_s - first) % every_s
        ticks = np.arange(first, min(end_s, int(now_s)) + 1, every_s)
        ticks = ticks[uniform(charger.key + 30, ticks) >= 0.002]
        late = uniform(charger.key + 31, ticks) < 0.01
        delay = uniform(charger.key + 32, ticks) * np.where(late, 14_400, 40)
        ticks = ticks[ticks + delay <= now_s]
        arrived: Integers = ticks[self._world.chargers.online_again(charger, ticks) == ticks]
        return arrived

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """The rows in the range, with the meters and measurands asked for.

        Whatever cannot be read as a data point stays, so that tests can serve it.
        """
        wish = _Wish(parameters, self._world)
        return [kept for row in rows if (kept := wish.kept(row)) is not None]


class _Wish:
    """The parameters of a request, checked."""

    def __init__(self, parameters: Parameters, world: World) -> None:
        """Raises ``ApiError`` 422 that names each wrong parameter."""
        errors: dict[str, str] = {}
        now_s = world.now().timestamp()
        self.start_s = _time(parameters, "start_time", now_s, errors)
        self.end_s = _time(parameters, "end_time", now_s, errors)
        if not errors and self.end_s < self.start_s:
            errors["end_time"] = "The end time must be a date after or equal to start time."
        required = world.config.meter_lists_required
        self.measurands = _numbers(parameters, "measurands", MEASURANDS, required, errors)
        self.meters = _numbers(parameters, "meter_ids", METERS, required, errors)
        if errors:
            raise ApiError.invalid(**errors)

    def kept(self, row: Any) -> Any:
        """The row as this request gets it; None if it does not."""
        if not isinstance(row, Mapping):
            return row
        if row.get("meter_id") in METERS and row["meter_id"] not in self.meters:
            return None
        try:
            moment = dt.datetime.fromisoformat(row["timestamp"]).replace(tzinfo=dt.UTC)
            if not self.start_s <= moment.timestamp() <= self.end_s:
                return None
        except (KeyError, TypeError, ValueError):
            pass
        readings = row.get("measurements")
        if not isinstance(readings, list) or not readings:
            return row
        asked = [r for r in readings if not self._is_not_asked(r)]
        return {**row, "measurements": asked} if asked else None

    def _is_not_asked(self, reading: Any) -> bool:
        if not isinstance(reading, Mapping):
            return False
        measurand = reading.get("measurand")
        return measurand in MEASURANDS and measurand not in self.measurands


def _time(parameters: Parameters, name: str, now_s: float, errors: dict[str, str]) -> int:
    text = parameters.get(name)
    spoken = name.replace("_", " ")
    if text is None or text == "":
        errors[name] = f"The {spoken} field is required."
        return 0
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        moment = int(dt.datetime.fromisoformat(text).timestamp())
    except (TypeError, ValueError):
        errors[name] = f"The {spoken} is not a valid date."
        return 0
    if moment > now_s:
        errors[name] = f"The {spoken} must be a date before or equal to now."
    return moment


def _numbers(
    parameters: Parameters, name: str, allowed: range, required: bool, errors: dict[str, str]
) -> set[int]:
    values = parameters.get(name)
    if values is None or values == []:
        if required:
            errors[name] = f"The {name.replace('_', ' ')} field is required."
        return set(allowed)
    if not isinstance(values, list | tuple):
        errors[name] = f"The {name.replace('_', ' ')} must be an array."
        return set()
    found = set()
    for position, value in enumerate(values):
        text = str(value)
        if text.isascii() and text.isdigit() and int(text) in allowed:
            found.add(int(text))
        else:
            errors[f"{name}.{position}"] = f"The selected {name}.{position} is invalid."
    return found


def _read(charger: Charger, times: Integers, meters: Integers, asked: set[int]) -> list[Any]:
    """The data points of these times and meters."""
    if not len(times):
        return []
    sessions = charger.sessions.until(float(times[-1]))
    charging = sessions.charging_w(times)
    register = sessions.register_wh(times)
    wobble = 1 + 0.02 * spread(charger.key + 33, times)
    volts = np.round(241 + 5 * spread(charger.key + 34, times), 1)
    power = np.rint(charging * wobble)
    grid = np.rint(power + 350 + 300 * spread(charger.key + 35, times) - _sun_w(times))
    columns = {
        (0, 1): np.round(power / volts, 1),
        (0, 4): register,
        (0, 11): np.round(50 + 0.12 * spread(charger.key + 36, times), 2),
        (0, 13): power,
        (0, 20): np.round(
            17 + 4 * spread(charger.key + 37, times // 3600) + 14 * (charging > 0), 1
        ),
        (0, 21): volts,
        (1, 12): np.maximum(-grid, 0),
        (1, 13): np.maximum(grid, 0),
        (1, 21): volts,
        (2, 13): np.rint(_sun_w(times)),
        (2, 21): volts,
    }
    readings = {place: _plain(column) for place, column in columns.items() if place[1] in asked}
    order = {m: [n for n in _READ_BY[m] if n in asked] for m in _READ_BY}
    moments = np.datetime_as_string(times.astype("datetime64[s]")).tolist()
    return [
        {
            "meter_id": meter,
            "timestamp": moment.replace("T", " "),
            "measurements": [
                {"measurand": n, "value": readings[meter, n][position], "unit": _UNITS[n]}
                for n in order[meter]
            ],
        }
        for position, (moment, meter) in enumerate(zip(moments, meters.tolist(), strict=True))
    ]


def _sun_w(times: Integers) -> Floats:
    """What panels give at a time of day, in W."""
    height = np.cos((times % DAY_S / 3600 - 12) * np.pi / 12)
    sun: Floats = 2_400 * np.maximum(height, 0) ** 1.5
    return sun


def _plain(column: Any) -> list[float | int]:
    """Numbers as JSON has them: whole ones are integers."""
    return [int(v) if v == int(v) else v for v in column.tolist()]
