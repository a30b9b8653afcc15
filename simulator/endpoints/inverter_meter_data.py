"""GET /inverter/{serial}/meter/data: since version 1.35 of the API.

The history of an inverter's own grid meter. The shape is a guess: no contract or recording shows
it.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import LazyRows, Parameters, SimulatedListing
from simulator.framework.parameters import is_required, past_time_range
from simulator.http.messages import ApiError, HttpResponse
from simulator.seeded_random import Floats, Integers, key_of, triangular
from simulator.world.households import HouseholdReadings, readings_at, rounded
from simulator.world.local_calendar import utc_text

LISTING = "inverter-meter-data"
_ADDRESS = 1  # where the device lists name a meter
_ADDRESSES = range(1, 9)


class GridMeterListing(SimulatedListing):
    """The rows of a meter's address between two times, oldest first."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the rows of the range, both ends included; none at an address without a meter."""
        device = self.state.inverter(device_id)
        now_s = int(self.state.now().timestamp())
        address, start_s, end_s = _range(parameters, now_s)
        if address != _ADDRESS:
            return []
        every_s = self.state.config.meter_rows_every_s
        households = self.state.households
        calendar = households.calendar
        installed_s = calendar.span(device.commissioned.toordinal()).start_s
        first = -(-max(start_s, installed_s) // every_s)
        last = end_s // every_s
        key = key_of(households.of(device).key, "meter")

        def rows(shown: slice) -> list[dict[str, Any]]:
            times = np.arange(first + shown.start, first + shown.stop) * every_s
            result: list[dict[str, Any]] = []
            while len(result) < len(times):
                pending = times[len(result) :]
                day = dt.datetime.fromtimestamp(int(pending[0]), calendar.zone).toordinal()
                pending = pending[pending < calendar.span(day).end_s]
                reading = readings_at(households, device, day, pending)
                result += _rows(key, pending, reading)
            return result

        return LazyRows(max(last - first + 1, 0), rows)

    def select(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Return the rows of the address whose time lies within the range."""
        address, start_s, end_s = _range(parameters, int(self.state.now().timestamp()))
        start, end = utc_text(start_s), utc_text(end_s)
        return [row for row in rows if row["address"] == address and start <= row["time"] <= end]


def _rows(key: int, times: Integers, reading: HouseholdReadings) -> list[dict[str, Any]]:
    volts = 243 + 6 * triangular(key, times)
    hertz = 50 + 0.15 * triangular(key + 1, times)
    reactive = 0.1 * reading.load_w + 20 * triangular(key + 2, times)
    apparent = np.hypot(reading.grid_w, reactive)
    columns = zip(
        times.tolist(),
        _decimals(volts, 1),
        _decimals(apparent / volts, 2),
        np.rint(reading.grid_w).astype(int).tolist(),
        np.rint(reactive).astype(int).tolist(),
        np.rint(apparent).astype(int).tolist(),
        _decimals(reading.grid_w / np.maximum(apparent, 1), 3),
        _decimals(hertz, 2),
        _decimals(reading.imported_kwh, 1),
        _decimals(reading.exported_kwh, 1),
        strict=True,
    )
    return [
        {
            "time": utc_text(time_s),
            "address": _ADDRESS,
            "voltage": voltage,
            "current": current,
            "active_power": active,
            "reactive_power": reactive_power,
            "apparent_power": apparent_power,
            "power_factor": factor,
            "frequency": frequency,
            "import_active_energy": imported,
            "export_active_energy": exported,
        }
        for (
            time_s, voltage, current, active, reactive_power, apparent_power, factor, frequency,
            imported, exported,
        ) in columns
    ]  # fmt: skip


def _decimals(values: Floats, digits: int) -> list[float | int]:
    return [rounded(value, digits) for value in values.tolist()]


def _range(parameters: Parameters, now_s: int) -> tuple[int, int, int]:
    """Return address, start and end in epoch seconds. Raises `ApiError` 422."""
    errors: dict[str, str] = {}
    address = str(parameters.get("address", ""))
    if not address:
        errors["address"] = is_required("address")
    elif address not in map(str, _ADDRESSES):
        errors["address"] = "The address must be between 1 and 8."
    start_s, end_s = past_time_range(parameters, now_s, errors)
    if errors:
        raise ApiError.invalid(**errors)
    return int(address), start_s, end_s


def _rows_of(call: ApiCall) -> HttpResponse:
    device = call.inverter_with_data()
    filters = call.filters("address", "start_time", "end_time")
    return call.page(LISTING, device.serial, **filters)


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
