"""GET /ev-charger/{uuid}/meter-data (contract, "Meter Data", "Get Data Points").

Versions from 1.35 on require both lists, unless `meter_lists_required` in the settings says
otherwise. Rows come oldest first, meters in the order of their ids; the contract states no
order. A point that is taken while the charger is offline is lost. A range includes both its ends.
Meters 1 and 2 measure the grid and the sun of the home behind whose meter the charger is, and those
of an invented one for a charger on a supply of its own.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator.endpoints.ev_chargers import charger_of
from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import LazyRows, Parameters, SimulatedListing
from simulator.framework.parameters import is_required, past_time_range
from simulator.http.messages import ApiError, HttpResponse
from simulator.seeded_random import Floats, Integers, triangular, uniform
from simulator.world import ev_anomalies
from simulator.world.charger_fleet import Charger
from simulator.world.cloud_state import CloudState
from simulator.world.energy import SLOT_S
from simulator.world.installations import SimulatedDevice
from simulator.world.local_calendar import DAY_S

LISTING = "ev-meter-data"
MEASURANDS = range(22)
METERS = range(4)

_READ_BY = {0: (1, 4, 13, 20, 21, 11), 1: (13, 12, 21), 2: (13, 21)}
_WH, _W, _A, _V, _CELSIUS = 0, 4, 10, 11, 12
_UNITS = {1: _A, 4: _WH, 11: None, 12: _W, 13: _W, 20: _CELSIUS, 21: _V}


class EvMeterDataListing(SimulatedListing):
    """The data points of the charger with a UUID."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the data points that have arrived by now, made on access."""
        request = _MeterRequest(parameters, self.state)
        charger = self.state.chargers[device_id]
        meters = [
            m for m in charger.meters if m in request.meters and request.measurands & {*_READ_BY[m]}
        ]
        times_s = self._times_s(charger, request.start_s, request.end_s)
        times = np.repeat(times_s, len(meters))
        ids = np.tile(np.array(meters, np.int64), len(times_s))
        kinds = ev_anomalies.kinds_of(
            self.state.config.anomalies, charger.key, times * len(METERS) + ids
        )
        copies = ev_anomalies.count_copies(kinds)
        copy = np.concatenate([np.arange(n) for n in copies]) if (copies > 1).any() else 0 * times
        times, ids, kinds = (np.repeat(column, copies) for column in (times, ids, kinds))

        def rows(shown: slice) -> list[dict[str, Any]]:
            result = _data_points(self.state, charger, times[shown], ids[shown], request.measurands)
            for row, kind, repeated in zip(
                result, kinds[shown].tolist(), copy[shown].tolist(), strict=True
            ):
                # Of two contradicting rows the first is the regular one.
                if kind >= 0 and (repeated or not ev_anomalies.is_repeated(kind)):
                    ev_anomalies.alter(row, kind)
            return result

        return LazyRows(len(times), rows)

    def _times_s(self, charger: Charger, start_s: int, end_s: int) -> Integers:
        """Return the times of the data points that have arrived by now."""
        now_s = self.state.now().timestamp()
        every_s = self.state.config.ev_points_every_s
        # The first charger of an account reports on the full minute, midnight included.
        offset_s = 17 * charger.number % every_s
        first = max(start_s, charger.registered_s)
        first += (offset_s - first) % every_s
        times_s = np.arange(first, min(end_s, int(now_s)) + 1, every_s)
        times_s = times_s[uniform(charger.key + 30, times_s) >= 0.002]
        late = uniform(charger.key + 31, times_s) < 0.01
        delay = uniform(charger.key + 32, times_s) * np.where(late, 14_400, 40)
        times_s = times_s[times_s + delay <= now_s]
        arrived: Integers = times_s[self.state.chargers.online_from(charger, times_s) == times_s]
        return arrived

    def select(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Return the rows of the range, with the meters and measurands requested.

        What is not a valid data point stays, so that tests can serve it.
        """
        request = _MeterRequest(parameters, self.state)
        return [selected for row in rows if (selected := request.select(row)) is not None]


class _MeterRequest:
    """The validated parameters of a request."""

    def __init__(self, parameters: Parameters, state: CloudState) -> None:
        """Validate. Raises `ApiError` 422 with a message for each invalid parameter."""
        errors: dict[str, str] = {}
        now_s = state.now().timestamp()
        self.start_s, self.end_s = past_time_range(parameters, now_s, errors)
        required = state.config.are_meter_lists_required
        self.measurands = _numbers(parameters, "measurands", MEASURANDS, required, errors)
        self.meters = _numbers(parameters, "meter_ids", METERS, required, errors)
        if errors:
            raise ApiError.invalid(**errors)

    def select(self, row: Any) -> Any:
        """Return the row as this request gets it; None if it does not."""
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
        included = [r for r in readings if not self._is_excluded(r)]
        return {**row, "measurements": included} if included else None

    def _is_excluded(self, reading: Any) -> bool:
        if not isinstance(reading, Mapping):
            return False
        measurand = reading.get("measurand")
        return measurand in MEASURANDS and measurand not in self.measurands


def _numbers(
    parameters: Parameters, name: str, allowed: range, required: bool, errors: dict[str, str]
) -> set[int]:
    values = parameters.get(name)
    if values is None or values == []:
        if required:
            errors[name] = is_required(name)
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


def _data_points(
    state: CloudState,
    charger: Charger,
    times: Integers,
    meters: Integers,
    measurands: set[int],
) -> list[Any]:
    """Return the data points of these times and meters."""
    if not len(times):
        return []
    sessions = charger.sessions.until(float(times[-1]))
    charging = sessions.charging_w(times)
    register = sessions.register_wh(times)
    variation = 1 + 0.02 * triangular(charger.key + 33, times)
    volts = np.round(241 + 5 * triangular(charger.key + 34, times), 1)
    power = np.rint(charging * variation)
    device = state.home_meter(charger.account)
    if device is None:
        solar = _solar_w(times)
        grid = np.rint(power + 350 + 300 * triangular(charger.key + 35, times) - solar)
    else:
        grid, solar = _home_w(state, device, times, power - charging)
    columns = {
        (0, 1): np.round(power / volts, 1),
        (0, 4): register,
        (0, 11): np.round(50 + 0.12 * triangular(charger.key + 36, times), 2),
        (0, 13): power,
        (0, 20): np.round(
            17 + 4 * triangular(charger.key + 37, times // 3600) + 14 * (charging > 0), 1
        ),
        (0, 21): volts,
        (1, 12): np.maximum(-grid, 0),
        (1, 13): np.maximum(grid, 0),
        (1, 21): volts,
        (2, 13): np.rint(solar),
        (2, 21): volts,
    }
    readings = {
        place: _plain(column) for place, column in columns.items() if place[1] in measurands
    }
    order = {m: [n for n in _READ_BY[m] if n in measurands] for m in _READ_BY}
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


def _home_w(
    state: CloudState, device: SimulatedDevice, times: Integers, excess_w: Floats
) -> tuple[Floats, Floats]:
    """Return import from the grid (negative: export) and solar power of a home, in W.

    `excess_w` is what a charger takes more than its schedule says.
    """
    schedules = state.chargers.sessions_of(device.account)
    cars = sum(each.until(float(times[-1])).charging_w(times) for each in schedules) + excess_w
    calendar = state.households.calendar
    grid, solar = np.empty(len(times)), np.empty(len(times))
    for ordinal in calendar.ordinals_covering(int(times[0]), int(times[-1]) + 1):
        span = calendar.span(ordinal)
        day = slice(*np.searchsorted(times, [span.start_s, span.end_s]))
        if day.start < day.stop:
            curves = state.households.day(device, ordinal)
            # The home's load has a car's mean in the quarter hour; the meter measures now.
            balance = curves.load - curves.car - curves.inverter
            slot = (times[day] - span.start_s) // SLOT_S
            grid[day] = cars[day] + balance[0][slot]
            solar[day] = curves.solar[0][slot]
    return np.rint(grid), solar


def _solar_w(times: Integers) -> Floats:
    """Return what solar panels give at a time of day, in W."""
    height = np.cos((times % DAY_S / 3600 - 12) * np.pi / 12)
    solar: Floats = 2_400 * np.maximum(height, 0) ** 1.5
    return solar


def _plain(column: Any) -> list[float | int]:
    """Return numbers with whole ones as integers."""
    return [int(v) if v == int(v) else v for v in column.tolist()]


def _page(call: ApiCall) -> HttpResponse:
    return call.page(
        LISTING,
        charger_of(call).uuid,
        measurands=call.array("measurands"),
        meter_ids=call.array("meter_ids"),
        **call.filters("start_time", "end_time"),
    )


LISTINGS = {LISTING: EvMeterDataListing}
ENDPOINTS = (
    ApiEndpoint("GET", "/ev-charger/{uuid}/meter-data", "api:ev-charger:data", _page, name=LISTING),
)
