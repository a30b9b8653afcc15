"""GET /inverter/{serial}/system-data/latest and …/meter-data/latest (contract, "Inverter Data").

Both show the inverter's newest data point in shapes of their own.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import HttpResponse
from simulator.seeded_random import uniform_of
from simulator.world import anomalies
from simulator.world.cloud_state import CloudState
from simulator.world.installations import SimulatedDevice

_DAYS_BACK = 31
_GATEWAY_NULL_RATE = 0.02
_GATEWAY_NULL_S = 1800
_GRID = ("voltage", "current", "power", "frequency")
_BATTERY = ("percent", "power", "temperature")
_INVERTER = ("temperature", "power", "output_voltage", "output_frequency")


class SystemDataListing(SimulatedListing):
    """Powers at the newest data point; one row, or none.

    Reported by users: a Gateway's can have null in every leaf, with status "Unknown".
    """

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the newest reading."""
        device = self.state.inverter(device_id)
        point = _newest(self.state, device)
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

    def _is_null(self, device: SimulatedDevice) -> bool:
        config, now_s = self.state.config, int(self.state.now().timestamp())
        identity = (config.seed, device.serial, now_s // _GATEWAY_NULL_S)
        if device.gateway and uniform_of("null snapshot", *identity) < _GATEWAY_NULL_RATE:
            return True
        return anomalies.is_hit(config.anomalies, "null_snapshot", *identity)


class MeterDataListing(SimulatedListing):
    """Counters at the newest data point; one row, or none."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the newest reading."""
        point = _newest(self.state, self.state.inverter(device_id))
        if point is None:
            return []
        return [{name: point.get(name) for name in ("time", "today", "total", "is_metered")}]


def _newest(state: CloudState, device: SimulatedDevice) -> dict[str, Any] | None:
    """Return the newest visible data point of the last days that has a time."""
    now = state.now()
    zone = dt.UTC if device.gateway else state.households.calendar.zone
    today = now.astimezone(zone).date()
    for back in range(_DAYS_BACK):
        day = state.days.day(device, today - dt.timedelta(days=back), now)
        for text in reversed(day.visible_at(now.timestamp())):
            point = msgspec.json.decode(text)
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


def _system_data(call: ApiCall) -> HttpResponse:
    return call.one("system-data", call.inverter_with_data().serial)


def _meter_data(call: ApiCall) -> HttpResponse:
    return call.one("meter-data", call.inverter_with_data().serial)


_LATEST = "/inverter/{serial}/%s/latest"
_SCOPE = "api:inverter:read"
LISTINGS = {"system-data": SystemDataListing, "meter-data": MeterDataListing}
ENDPOINTS = (
    ApiEndpoint("GET", _LATEST % "system-data", _SCOPE, _system_data, name="system-data"),
    ApiEndpoint("GET", _LATEST % "meter-data", _SCOPE, _meter_data, name="meter-data"),
)
