"""GET /inverter/{serial}/meter/data: since version 1.35 of the API.

The history of the EM115 or EM340 meters wired to an inverter: all rows of a range of dates in one
response, which has neither `links` nor `meta`, and rows without the address. The parameters are
read from the query and from the body. How the API reads dates is not documented: `meter_dates` of
the settings decides. Every fourth inverter has three phases, with the same load on each; a meter of
one phase sends null (of odd inverters) or 0 for the phases 2 and 3.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import LazyRows, Parameters, SimulatedListing
from simulator.framework.parameters import END_BEFORE_START, day_of, is_required
from simulator.http.messages import ApiError, HttpResponse, json_response
from simulator.seeded_random import Integers, key_of, triangular
from simulator.world.households import HouseholdReadings, readings_at, rounded
from simulator.world.installations import SimulatedDevice
from simulator.world.local_calendar import utc_span

LISTING = "inverter-meter-data"
_ADDRESS = 1  # where the device lists name a meter
_ADDRESSES = range(1, 9)
_DIGITS = {"voltage": 1, "current": 2, "power_factor": 3, "frequency": 2}


class GridMeterListing(SimulatedListing):
    """The rows of a meter's address from one date to another, oldest first."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the rows of the range; none at an address without a meter."""
        device = self.state.inverter(device_id)
        address, start_s, end_s = self._range(parameters)
        if address != _ADDRESS:
            return []
        every_s = self.state.config.meter_rows_every_s
        households = self.state.households
        calendar = households.calendar
        installed_s = calendar.span(device.commissioned.toordinal()).start_s
        first = -(-max(start_s, installed_s) // every_s)
        # The row of the present moment is there; that of the end belongs to what follows.
        stop = min(-(-end_s // every_s), int(self.state.now().timestamp()) // every_s + 1)
        key = key_of(households.of(device).key, "meter")

        def rows(shown: slice) -> list[dict[str, Any]]:
            times = np.arange(first + shown.start, first + shown.stop) * every_s
            result: list[dict[str, Any]] = []
            while len(result) < len(times):
                pending = times[len(result) :]
                day = dt.datetime.fromtimestamp(int(pending[0]), calendar.zone).toordinal()
                pending = pending[pending < calendar.span(day).end_s]
                result += _rows(device, key, pending, readings_at(households, device, day, pending))
            return result

        return LazyRows(max(stop - first, 0), rows)

    def select(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Return the rows whose time lies within the range, if the address has a meter."""
        address, start_s, end_s = self._range(parameters)
        start, end = _text(start_s), _text(end_s)
        return [row for row in rows if address == _ADDRESS and start <= row["time"] < end]

    def _range(self, parameters: Parameters) -> tuple[int, int, int]:
        """Return address, start and end (excluded) in epoch seconds. Raises `ApiError` 422."""
        errors: dict[str, str] = {}
        address = str(parameters.get("address", ""))
        if not address:
            errors["address"] = is_required("address")
        elif address not in map(str, _ADDRESSES):
            errors["address"] = "The address must be between 1 and 8."
        start, end = (day_of(parameters, name, errors) for name in ("start_time", "end_time"))
        if not errors.keys() & {"start_time", "end_time"} and end < start:
            errors["end_time"] = END_BEFORE_START
        if errors:
            raise ApiError.invalid(**errors)
        reading = self.state.config.meter_dates
        span = utc_span if reading.startswith("utc") else self.state.households.calendar.span
        last = span(end.toordinal())
        until_s = last.end_s if reading.endswith("included") else last.start_s
        return int(address), span(start.toordinal()).start_s, until_s


def _rows(
    device: SimulatedDevice, key: int, times: Integers, reading: HouseholdReadings
) -> list[dict[str, Any]]:
    volts = 243 + 6 * triangular(key, times)
    reactive = 0.1 * reading.load_w + 20 * triangular(key + 2, times)
    apparent = np.hypot(reading.grid_w, reactive)
    factor = reading.grid_w / np.maximum(apparent, 1)
    reactive_kvarh = 0.1 * reading.imported_kwh
    phases = 3 if has_three_phases(device) else 1
    values: dict[str, Any] = {}
    for number in (1, 2, 3):
        share = (1 if number <= phases else 0) / phases
        values[f"voltage_{number}"] = (volts + number - 1) * (number <= phases)
        values[f"current_{number}"] = apparent * share / volts
        values[f"active_power_{number}"] = reading.grid_w * share
        values[f"reactive_power_{number}"] = reactive * share
        values[f"apparent_power_{number}"] = apparent * share
        values[f"power_factor_{number}"] = factor * (number <= phases)
    # The same load on three phases leaves nothing for the neutral.
    values["current_ln"] = apparent / volts * (phases == 1)
    values["current_total"] = apparent / volts
    values["active_power_total"] = reading.grid_w
    values["reactive_power_total"] = reactive
    values["apparent_power_total"] = apparent
    values["power_factor_total"] = factor
    values["frequency"] = 50 + 0.15 * triangular(key + 1, times)
    values["import_active_energy"] = reading.imported_kwh
    values["export_active_energy"] = reading.exported_kwh
    values["import_reactive_energy"] = reactive_kvarh
    values["export_reactive_energy"] = reactive_kvarh / 4
    values["active_energy_net"] = reading.imported_kwh - reading.exported_kwh
    values["active_energy_total"] = reading.imported_kwh + reading.exported_kwh
    absent = ("_2", "_3") if phases == 1 and device.number % 2 else ()
    columns = {
        name: [None] * len(times) if name.endswith(absent) else _decimals(name, column)
        for name, column in values.items()
    }
    return [
        {"time": _text(time_s), **dict(zip(columns, row, strict=True))}
        for time_s, row in zip(times.tolist(), zip(*columns.values(), strict=True), strict=True)
    ]


def has_three_phases(device: SimulatedDevice) -> bool:
    """Return whether an inverter's meter measures three phases."""
    return device.number % 4 == 3


def _decimals(name: str, values: Any) -> list[float | int]:
    quantity = name if name in _DIGITS else name.rpartition("_")[0]
    digits = _DIGITS.get(quantity, 1)
    return [rounded(value, digits) for value in values.tolist()]


def _text(time_s: float) -> str:
    moment = dt.datetime.fromtimestamp(int(time_s), dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def _rows_of(call: ApiCall) -> HttpResponse:
    device = call.inverter_with_data()
    if call.request.body and call.state.config.get_bodies_refused:
        raise ApiError(400, "A GET request must not have a body.")
    names = ("address", "start_time", "end_time")
    parameters = call.filters(*names)
    rows = call.listings.rows(LISTING, device.serial, **parameters)
    start, end = (dt.date.fromisoformat(parameters[name]) for name in names[1:])
    most = call.state.config.meter_max_days
    if most is not None and (end - start).days > most:
        raise ApiError.invalid(end_time=f"The range must have at most {most} days.")
    return json_response(200, {"data": list(rows)})


LISTINGS = {LISTING: GridMeterListing}
ENDPOINTS = (
    ApiEndpoint(
        "GET",
        "/inverter/{serial}/meter/data",
        "api:inverter:data",
        _rows_of,
        name=LISTING,
        since="1.35",
    ),
)
