"""GET /smart-device, …/{uuid}, …/{uuid}/data (contract, "Smart Device"), and two POSTs that write.

The contract shows a single device as a list, too. Data points come newest first and have no
filter: the list grows at its front with the clock.
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import LazyRows, Parameters, SimulatedListing
from simulator.framework.parameters import require_fields
from simulator.http.messages import ApiError, HttpResponse, json_response
from simulator.seeded_random import Integers, key_of, uniform
from simulator.world.cloud_state import CloudState
from simulator.world.installations import SmartDevice
from simulator.world.local_calendar import DAY_S, EPOCH_ORDINAL
from simulator.world.lru_cache import LruCache

LISTING = "smart-device"
DATA_LISTING = "smart-device-data"
_ALIASES = ("Immersion heater", "Washing machine", "Fridge", "Desk")
_MISSED = 0.004
_TIMELINES_KEPT = 32
_AHEAD_S = 30 * DAY_S


class SmartDeviceListing(SimulatedListing):
    """All smart devices of an account, by its id; one device, by its UUID."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the devices in the order of listing."""
        devices = self.state.smart_devices
        account = self.state.hierarchy.by_id(device_id)
        return [_described(d) for d in (devices.of(account) if account else [devices[device_id]])]


class SmartDeviceDataListing(SimulatedListing):
    """Data points of the smart device with a UUID. Safe to use from several threads."""

    def __init__(self, state: CloudState) -> None:
        """Start without reporting times."""
        super().__init__(state)
        self._timelines: LruCache[str, tuple[float, Integers]] = LruCache(_TIMELINES_KEPT)
        self._lock = threading.Lock()

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return all data points up to now, newest first, made on access."""
        device = self.state.smart_devices[device_id]
        now_s = self.state.now().timestamp()
        times = self._times(device, now_s)
        count = int(np.searchsorted(times, now_s, side="right"))

        def rows(shown: slice) -> list[dict[str, Any]]:
            newest_first = times[count - shown.stop : count - shown.start][::-1]
            return _data_points(device, newest_first)

        return LazyRows(count, rows)

    def _times(self, device: SmartDevice, now_s: float) -> Integers:
        """Return when the device reports, until some time after now; cached, as it is slow."""
        with self._lock:
            until_s, times = self._timelines.get(device.uuid) or (-1.0, np.empty(0, np.int64))
            if now_s > until_s:
                every_s = self.state.config.smart_points_every_s
                first = (device.registered.toordinal() - EPOCH_ORDINAL) * DAY_S
                first += 11 * device.number % every_s
                until_s = now_s + _AHEAD_S
                times = np.arange(first, int(until_s) + 1, every_s)
                times = times[uniform(device.key + 1, times) >= _MISSED]
                self._timelines.put(device.uuid, (until_s, times))
        return times


def _described(device: SmartDevice) -> dict[str, Any]:
    """Return a device as listed; the local key is a secret that can command the device."""
    return {
        "uuid": device.uuid,
        "alias": _ALIASES[device.number % len(_ALIASES)],
        "other_data": {
            "graph_color": f"#{device.key % (1 << 24):06x}",
            "hardware_id": f"{device.key % (1 << 80):020x}",
            "local_key": f"{key_of('local key', device.uuid):016x}",
        },
    }


def _data_points(device: SmartDevice, times: Integers) -> list[dict[str, Any]]:
    """Return data points of these times: standby, and now and then an hour or so of use."""
    in_use = uniform(device.key + 2, times // 4_500) < 0.2
    power = np.where(in_use, 400 + 1_800 * uniform(device.key + 3, times), 3.0)
    moments = np.datetime_as_string(times.astype("datetime64[s]"), timezone="UTC").tolist()
    watts = np.rint(power).astype(np.int64).tolist()
    return [{"time": t, "power": w} for t, w in zip(moments, watts, strict=True)]


def _uuid(call: ApiCall) -> str:
    device = call.state.smart_devices.get(call.parameters["uuid"])
    if device is None:
        raise ApiError.not_found()
    call.check_access(device.account)
    return device.uuid


def _list(call: ApiCall) -> HttpResponse:
    return call.page(LISTING, call.account.id)


def _show(call: ApiCall) -> HttpResponse:
    return json_response(200, {"data": call.listings.rows(LISTING, _uuid(call))})


def _data(call: ApiCall) -> HttpResponse:
    return call.page(DATA_LISTING, _uuid(call))


def _create(call: ApiCall) -> HttpResponse:
    body = call.request.json_object()
    require_fields(body, "serial_number", "alias", "product_name", "manufacturer")
    return json_response(201, {"data": call.listings.rows(LISTING, call.account.id)})


def _create_data(call: ApiCall) -> HttpResponse:
    _uuid(call)
    body = call.request.json_object()
    require_fields(body, "time", "power")
    return json_response(201, {"data": [{"time": body["time"], "power": body["power"]}]})


_DEVICE = f"/{LISTING}/{{uuid}}"
LISTINGS = {LISTING: SmartDeviceListing, DATA_LISTING: SmartDeviceDataListing}
ENDPOINTS = (
    ApiEndpoint("GET", f"/{LISTING}", "api:smart-device:list", _list, name=LISTING),
    ApiEndpoint("GET", _DEVICE, "api:smart-device:read", _show, name=LISTING),
    ApiEndpoint("GET", f"{_DEVICE}/data", "api:smart-device:data", _data, name=DATA_LISTING),
    ApiEndpoint("POST", f"/{LISTING}", "api:smart-device:create", _create, reads=False),
    ApiEndpoint("POST", f"{_DEVICE}/data", "api:smart-device:data", _create_data, reads=False),
)
