"""Smart devices and their data points as listed (contract, "Smart Device").

Belongs here: the rows of both listings. Does not belong here: who exists (``smart_devices``).

Data points come newest first and have no filter: the list grows at its front with the clock.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.listings import LazyRows, Parameters
from simulator.local_time import DAY_S, EPOCH_ORDINAL
from simulator.noise import Integers, uniform
from simulator.smart_devices import SmartDevice
from simulator.world import World

_MISSED = 0.004
_TIMELINES_KEPT = 32
_AHEAD_S = 30 * DAY_S


class SmartDeviceList:
    """The listing "smart-device": by an account's id all of its own, by a UUID that one."""

    def __init__(self, world: World) -> None:
        """Of all accounts of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The devices in the order of listing."""
        devices = self._world.smart_devices
        account = self._world.family.by_id(device_id)
        return [d.describe() for d in (devices.of(account) if account else [devices[device_id]])]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


class SmartDeviceData:
    """The listing "smart-device-data"; its devices are UUIDs. Safe to use from several threads."""

    def __init__(self, world: World) -> None:
        """Of all smart devices of ``world``."""
        self._world = world
        self._timelines: OrderedDict[str, tuple[float, Integers]] = OrderedDict()
        self._lock = threading.Lock()

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """All data points up to now, newest first, made as they are looked at."""
        device = self._world.smart_devices[device_id]
        now_s = self._world.now().timestamp()
        times = self._times(device, now_s)
        count = int(np.searchsorted(times, now_s, side="right"))

        def rows(shown: slice) -> list[dict[str, Any]]:
            newest_first = times[count - shown.stop : count - shown.start][::-1]
            return _read(device, newest_first)

        return LazyRows(count, rows)

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows

    def _times(self, device: SmartDevice, now_s: float) -> Integers:
        """When the device reports, up to now and somewhat further: kept, for it takes long."""
        with self._lock:
            until_s, times = self._timelines.get(device.uuid, (-1.0, np.empty(0, np.int64)))
            if now_s > until_s:
                every_s = self._world.config.smart_points_every_s
                first = (device.registered.toordinal() - EPOCH_ORDINAL) * DAY_S
                first += 11 * device.number % every_s
                until_s = now_s + _AHEAD_S
                times = np.arange(first, int(until_s) + 1, every_s)
                times = times[uniform(device.key + 1, times) >= _MISSED]
                self._timelines[device.uuid] = (until_s, times)
            self._timelines.move_to_end(device.uuid)
            while len(self._timelines) > _TIMELINES_KEPT:
                self._timelines.popitem(last=False)
        return times


def _read(device: SmartDevice, times: Integers) -> list[dict[str, Any]]:
    """Data points of these times: standby, now and then an hour or so of work."""
    works = uniform(device.key + 2, times // 4_500) < 0.2
    power = np.where(works, 400 + 1_800 * uniform(device.key + 3, times), 3.0)
    moments = np.datetime_as_string(times.astype("datetime64[s]"), timezone="UTC").tolist()
    watts = np.rint(power).astype(np.int64).tolist()
    return [{"time": t, "power": w} for t, w in zip(moments, watts, strict=True)]
