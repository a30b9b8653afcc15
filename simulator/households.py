"""The households of a world's devices and their latest days, made when first needed.

Belongs here: keeping them. Does not belong here: the energy in them (``energy``).
"""

import threading

import numpy as np

from simulator.config import SimulatorConfig
from simulator.devices import Device
from simulator.energy import Household, Slots
from simulator.local_time import LocalCalendar
from simulator.recent import Recent

_KEPT = 2_048
_DAYS_KEPT = 512


class Households:
    """One household for each inverter. Safe to use from several threads."""

    def __init__(self, config: SimulatorConfig) -> None:
        """All are in the time zone of the settings."""
        self.calendar = LocalCalendar(config.timezone)
        self._seed = config.seed
        self._kept: Recent[str, Household] = Recent(_KEPT)
        self._days: Recent[tuple[str, int], Slots] = Recent(_DAYS_KEPT)
        self._lock = threading.Lock()

    def of(self, device: Device) -> Household:
        """The household behind a device: the same that its data points tell of."""
        with self._lock:
            return self._kept.get(device.serial) or self._kept.put(
                device.serial,
                Household(
                    self._seed, device.serial, self.calendar, device.commissioned.toordinal()
                ),
            )

    def day(self, device: Device, ordinal: int) -> Slots:
        """The power curves of a single local day of a device."""
        key = (device.serial, ordinal)
        with self._lock:
            slots = self._days.get(key)
        if slots is None:
            slots = self.of(device).slots(np.array([ordinal]))
            with self._lock:
                self._days.put(key, slots)
        return slots
