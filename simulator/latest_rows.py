"""An inverter's latest readings: its newest data point in the shapes of two other endpoints.

Belongs here: finding that point and cutting it up. Does not belong here: the points (``points``).
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import orjson

from simulator import odd
from simulator.devices import Device
from simulator.listings import Parameters
from simulator.noise import one_uniform
from simulator.world import World

_DAYS_BACK = 31
_GATEWAY_NULL_RATE = 0.02
_GATEWAY_NULL_S = 1800
_GRID = ("voltage", "current", "power", "frequency")
_BATTERY = ("percent", "power", "temperature")
_INVERTER = ("temperature", "power", "output_voltage", "output_frequency")


class SystemData:
    """The listing "system-data": powers at the newest data point; one row, or none.

    Logged by users: a Gateway's is now and then null from leaf to leaf, with status "Unknown".
    """

    def __init__(self, world: World) -> None:
        """Of all inverters of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The newest reading."""
        device = _inverter(self._world, device_id)
        point = _newest(self._world, device)
        if point is None:
            return []
        if self._is_null(device):
            return [_null_system_data(point["time"])]
        power = _part(point, "power")
        battery, inverter = _part(power, "battery"), _part(power, "inverter")
        return [
            {
                "time": point["time"],
                "status": str(point.get("status")).capitalize(),
                "solar": power.get("solar"),
                "grid": power.get("grid"),
                "battery": {name: battery.get(name) for name in _BATTERY},
                "inverter": inverter,
                "consumption": _part(power, "consumption").get("power"),
            }
        ]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows

    def _is_null(self, device: Device) -> bool:
        config, now_s = self._world.config, int(self._world.now().timestamp())
        identity = (config.seed, device.serial, now_s // _GATEWAY_NULL_S)
        if device.gateway and one_uniform("null snapshot", *identity) < _GATEWAY_NULL_RATE:
            return True
        return odd.befalls(config.odd, "null_snapshot", *identity)


class MeterData:
    """The listing "meter-data": counters at the newest data point; one row, or none."""

    def __init__(self, world: World) -> None:
        """Of all inverters of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The newest reading."""
        point = _newest(self._world, _inverter(self._world, device_id))
        if point is None:
            return []
        return [{name: point.get(name) for name in ("time", "today", "total", "is_metered")}]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


def _inverter(world: World, serial: str) -> Device:
    device = world.inverter(serial)
    if device is None:
        raise KeyError(f"The simulator has no inverter {serial!r}.")
    return device


def _newest(world: World, device: Device) -> dict[str, Any] | None:
    """The newest visible data point of the last days that has a time."""
    now = world.now()
    zone = dt.UTC if device.gateway else world.households.calendar.zone
    today = now.astimezone(zone).date()
    for back in range(_DAYS_BACK):
        day = world.days.day(device, today - dt.timedelta(days=back), now)
        for text in reversed(day.at(now.timestamp())):
            point = orjson.loads(text)
            if isinstance(point, dict) and isinstance(point.get("time"), str):
                return point
    return None


def _part(row: dict[str, Any], name: str) -> dict[str, Any]:
    part = row.get(name)
    return part if isinstance(part, dict) else {}


def _null_system_data(time: str) -> dict[str, Any]:
    return {
        "time": time,
        "status": "Unknown",
        "solar": {"power": None, "arrays": []},
        "grid": dict.fromkeys(_GRID),
        "battery": dict.fromkeys(_BATTERY),
        "inverter": dict.fromkeys(_INVERTER),
        "consumption": None,
    }
