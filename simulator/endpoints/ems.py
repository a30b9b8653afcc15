"""GET /ems/{serial}/system-data/latest (contract, "EMS Data"): only an EMS has it.

A reading sums up the inverters that the EMS manages, in the contract's shape, which has places
without an inverter or meter.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import ApiError, HttpResponse
from simulator.seeded_random import uniform_of
from simulator.world import anomalies
from simulator.world.households import readings_at, rounded
from simulator.world.installations import SimulatedDevice
from simulator.world.local_calendar import utc_text

LISTING = "ems-system-data"
EVERY_S = 300
_MOST_INVERTERS = 3  # so that a place stays empty
_INVERTER_PLACES = 4
_METER_PLACES = 8
_NORMAL, _WARNING = 1, 2
_INVERTER_DISABLED, _INVERTER_ONLINE, _INVERTER_WARNING, _INVERTER_OFFLINE = 0, 2, 3, 7
_METER_DISABLED, _METER_ONLINE, _METER_OFFLINE = 0, 1, 2
_GRID, _GENERATION, _LOAD, _OTHER = range(4)
_SUMS = ("solar_w", "battery_w", "load_w", "car_w", "grid_w", "stored_wh")
_NO_INVERTER = {
    "active_power": None,
    "serial_number": None,
    "soc": None,
    "status": _INVERTER_DISABLED,
    "temperature": None,
}
_NO_METER = {"active_power": None, "status": _METER_DISABLED, "type": _GRID}


class EmsDataListing(SimulatedListing):
    """The latest reading of an EMS: one row, new every five minutes."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the newest reading."""
        device = self.state.find_inverter(device_id)
        if device is None or not device.ems:
            raise KeyError(f"The simulator has no EMS {device_id!r}.")
        config = self.state.config
        offset = device.number * 17 % EVERY_S
        now_s = int(self.state.now().timestamp())
        time_s = now_s - (now_s - offset) % EVERY_S
        inverters = [self._inverter(d, time_s) for d in self._managed(device, time_s)]
        total = {name: sum(values[name] for _, values in inverters) for name in _SUMS}
        chance = uniform_of("ems", config.seed, device.serial, time_s)
        warns = chance < 0.02
        without_time = anomalies.is_hit(
            config.anomalies, "ems_time_null", config.seed, device.serial, time_s
        )
        return [
            {
                "battery_power": total["battery_w"],
                "battery_wh_remaining": total["stored_wh"],
                "calculated_load_power": total["load_w"],
                "car_power": total["car_w"],
                "error_code": 0,
                "grid_power": total["grid_w"],
                "measured_load_power": total["load_w"] + int(20 * chance),
                "status": _WARNING if warns else _NORMAL,
                "time": None if without_time else utc_text(time_s),
                "total_generation": total["solar_w"],
                "warning_code": 16 if warns else 0,
                "inverters": _places([row for row, _ in inverters], _INVERTER_PLACES, _NO_INVERTER),
                "meters": _places(_meters(total), _METER_PLACES, _NO_METER),
            }
        ]

    def _managed(self, ems: SimulatedDevice, time_s: int) -> list[SimulatedDevice]:
        """Return the first inverters of the account that existed at a time."""
        calendar = self.state.households.calendar
        existing = [
            device
            for device in self.state.accounts[ems.account].devices
            if device.has_data
            and not device.gateway
            and calendar.span(device.commissioned.toordinal()).start_s <= time_s
        ]
        return sorted(existing, key=lambda device: device.number)[:_MOST_INVERTERS]

    def _inverter(
        self, device: SimulatedDevice, time_s: int
    ) -> tuple[dict[str, Any], dict[str, int]]:
        """Return the row of an inverter and what it adds to the sums."""
        households = self.state.households
        ordinal = dt.datetime.fromtimestamp(time_s, households.calendar.zone).toordinal()
        reading = readings_at(households, device, ordinal, np.array([time_s]))
        values = {
            "solar_w": round(float(reading.solar_w[0])),
            "battery_w": round(float(reading.battery_w[0])),
            "load_w": round(float(reading.load_w[0])),
            "car_w": round(float(reading.car_w[0])),
            "grid_w": round(float(reading.grid_w[0])),
            "stored_wh": round(1000 * float(reading.stored_kwh[0])),
        }
        chance = uniform_of("ems inverter", self.state.config.seed, device.serial, time_s)
        full_kwh = float(households.of(device).battery_kwh(np.array([ordinal]))[0])
        percent = round(100 * float(reading.stored_kwh[0]) / max(full_kwh, 0.001))
        row: dict[str, Any] = {
            "active_power": round(float(reading.inverter_w[0])),
            "serial_number": device.serial,
            "soc": min(max(percent, 0), 100),
            "status": _INVERTER_WARNING if chance < 0.02 else _INVERTER_ONLINE,
            "temperature": rounded(25 + 10 * chance, 1),
        }
        if chance < 0.01:
            row |= {"active_power": None, "soc": None, "temperature": None}
            row["status"] = _INVERTER_OFFLINE
        return row, values


def _meters(total: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"active_power": total["grid_w"], "status": _METER_ONLINE, "type": _GRID},
        {"active_power": total["solar_w"], "status": _METER_ONLINE, "type": _GENERATION},
        {"active_power": total["load_w"], "status": _METER_ONLINE, "type": _LOAD},
        {"active_power": None, "status": _METER_OFFLINE, "type": _OTHER},
    ]


def _places(
    occupied: list[dict[str, Any]], count: int, empty: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return numbered places, occupied ones first, with keys in the contract's order."""
    filled = occupied + [empty] * (count - len(occupied))
    return [
        dict(sorted({**place, "number": number}.items())) for number, place in enumerate(filled, 1)
    ]


def _system_data(call: ApiCall) -> HttpResponse:
    device = call.accessible(call.state.find_inverter(call.parameters["serial"]))
    if not device.ems:
        raise ApiError.not_found()
    return call.one(LISTING, device.serial)


LISTINGS = {LISTING: EmsDataListing}
ENDPOINTS = (
    ApiEndpoint(
        "GET",
        "/ems/{serial}/system-data/latest",
        "api:inverter:read",
        _system_data,
        name=LISTING,
    ),
)
