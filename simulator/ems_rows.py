"""The latest reading of an EMS, which sums up the inverters that it looks after.

Belongs here: the contract's shape, places without an inverter or meter included. Does not belong
here: the energy behind it (``readings``).
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator import odd
from simulator.devices import Device
from simulator.listings import Parameters
from simulator.noise import one_uniform
from simulator.readings import as_written, readings
from simulator.world import World

EVERY_S = 300
_MOST_INVERTERS = 3  # so that a place stays empty
_INVERTER_PLACES = 4
_METER_PLACES = 8
_NORMAL, _WARNING = 1, 2
_INVERTER_DISABLED, _INVERTER_ONLINE, _INVERTER_WARNING, _INVERTER_OFFLINE = 0, 2, 3, 7
_METER_DISABLED, _METER_ONLINE, _METER_OFFLINE = 0, 1, 2
_GRID, _GENERATION, _LOAD, _OTHER = range(4)


class EmsData:
    """The listing "ems-system-data": one row, new every five minutes."""

    def __init__(self, world: World) -> None:
        """Of all EMS of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The newest reading."""
        device = self._world.inverter(device_id)
        if device is None or not device.ems:
            raise KeyError(f"The simulator has no EMS {device_id!r}.")
        config = self._world.config
        offset = device.number * 17 % EVERY_S
        now_s = int(self._world.now().timestamp())
        time_s = now_s - (now_s - offset) % EVERY_S
        inverters = [self._inverter(d, time_s) for d in self._looked_after(device, time_s)]
        total = {name: sum(values[name] for _, values in inverters) for name in _SUMS}
        chance = one_uniform("ems", config.seed, device.serial, time_s)
        warns = chance < 0.02
        moment = dt.datetime.fromtimestamp(time_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        odd_time = odd.befalls(config.odd, "ems_time_null", config.seed, device.serial, time_s)
        return [
            {
                "battery_power": total["battery_w"],
                "battery_wh_remaining": total["stored_wh"],
                "calculated_load_power": total["load_w"],
                "car_power": 0,
                "error_code": 0,
                "grid_power": total["grid_w"],
                "measured_load_power": total["load_w"] + int(20 * chance),
                "status": _WARNING if warns else _NORMAL,
                "time": None if odd_time else moment,
                "total_generation": total["solar_w"],
                "warning_code": 16 if warns else 0,
                "inverters": _places([row for row, _ in inverters], _INVERTER_PLACES, _NO_INVERTER),
                "meters": _places(_meters(total), _METER_PLACES, _NO_METER),
            }
        ]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows

    def _looked_after(self, ems: Device, time_s: int) -> list[Device]:
        """The first inverters of the account that were there at a time."""
        calendar = self._world.households.calendar
        there = [
            device
            for device in self._world.accounts[ems.account].devices
            if device.has_data
            and not device.gateway
            and calendar.span(device.commissioned.toordinal()).start_s <= time_s
        ]
        return sorted(there, key=lambda device: device.number)[:_MOST_INVERTERS]

    def _inverter(self, device: Device, time_s: int) -> tuple[dict[str, Any], dict[str, int]]:
        """A place's content and what it adds to the sums."""
        households = self._world.households
        ordinal = dt.datetime.fromtimestamp(time_s, households.calendar.zone).toordinal()
        reading = readings(households, device, ordinal, np.array([time_s]))
        values = {
            "solar_w": round(float(reading.solar_w[0])),
            "battery_w": round(float(reading.battery_w[0])),
            "load_w": round(float(reading.load_w[0])),
            "grid_w": round(float(reading.grid_w[0])),
            "stored_wh": round(1000 * float(reading.stored_kwh[0])),
        }
        chance = one_uniform("ems inverter", self._world.config.seed, device.serial, time_s)
        percent = round(
            100 * float(reading.stored_kwh[0]) / households.of(device).plant.battery_kwh
        )
        row: dict[str, Any] = {
            "active_power": round(float(reading.inverter_w[0])),
            "serial_number": device.serial,
            "soc": min(max(percent, 0), 100),
            "status": _INVERTER_WARNING if chance < 0.02 else _INVERTER_ONLINE,
            "temperature": as_written(25 + 10 * chance, 1),
        }
        if chance < 0.01:
            row |= {"active_power": None, "soc": None, "temperature": None}
            row["status"] = _INVERTER_OFFLINE
        return row, values


_SUMS = ("solar_w", "battery_w", "load_w", "grid_w", "stored_wh")
_NO_INVERTER = {
    "active_power": None,
    "serial_number": None,
    "soc": None,
    "status": _INVERTER_DISABLED,
    "temperature": None,
}
_NO_METER = {"active_power": None, "status": _METER_DISABLED, "type": _GRID}


def _meters(total: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"active_power": total["grid_w"], "status": _METER_ONLINE, "type": _GRID},
        {"active_power": total["solar_w"], "status": _METER_ONLINE, "type": _GENERATION},
        {"active_power": total["load_w"], "status": _METER_ONLINE, "type": _LOAD},
        {"active_power": None, "status": _METER_OFFLINE, "type": _OTHER},
    ]


def _places(taken: list[dict[str, Any]], count: int, empty: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbered places, taken ones first; keys by the alphabet as in the contract."""
    filled = taken + [empty] * (count - len(taken))
    return [
        dict(sorted({**place, "number": number}.items())) for number, place in enumerate(filled, 1)
    ]
