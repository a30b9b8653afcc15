"""The households of the simulated devices and what happens in them at a moment.

Belongs here: keeping households and their latest days, looking up quarter hours by time. Does not
belong here: the energy itself (`energy`).
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.config import SimulatorConfig
from simulator.seeded_random import Floats, Integers
from simulator.world.charging_schedule import ChargingSchedule
from simulator.world.energy import (
    COUNTERS,
    MWH_PER_KWH,
    SLOT_S,
    Circumstances,
    Household,
    PowerCurves,
)
from simulator.world.installations import SimulatedDevice
from simulator.world.local_calendar import LocalCalendar
from simulator.world.lru_cache import LruCache

_KEPT = 2_048
_DAYS_KEPT = 512
# Days that are computed at once, in little more time than one: mostly the next are asked for too.
_DAYS_AT_ONCE = 8
_IMPORT, _EXPORT = COUNTERS.index("import"), COUNTERS.index("export")
_CHARGE, _DISCHARGE = COUNTERS.index("charge"), COUNTERS.index("discharge")


@dataclass(frozen=True, slots=True)
class HouseholdReadings:
    """Equally long arrays. Battery is positive when it discharges, grid when it exports.

    The load includes the cars, with their mean power in the quarter hour.
    """

    solar_w: Floats
    battery_w: Floats
    load_w: Floats
    car_w: Floats
    inverter_w: Floats
    grid_w: Floats
    stored_kwh: Floats
    imported_kwh: Floats
    exported_kwh: Floats


class Households:
    """One household for each inverter. Safe to use from several threads."""

    def __init__(
        self, config: SimulatorConfig, cars: Mapping[str, Sequence[ChargingSchedule]]
    ) -> None:
        """Use the time zone of the settings for all; `cars` charge behind a serial's meter."""
        self.calendar = LocalCalendar(config.timezone)
        self._seed = config.seed
        self._circumstances = Circumstances(
            config.battery_fade_per_year, config.pv_degradation_per_year, config.cheap_hours_parsed
        )
        self._cars = cars
        self._kept: LruCache[str, Household] = LruCache(_KEPT)
        self._days: LruCache[tuple[str, int], PowerCurves] = LruCache(_DAYS_KEPT)
        self._lock = threading.Lock()

    def of(self, device: SimulatedDevice) -> Household:
        """Return the household behind a device, which its data points describe."""
        with self._lock:
            return self._kept.get(device.serial) or self._kept.put(
                device.serial,
                Household(
                    self._seed,
                    device.serial,
                    self.calendar,
                    device.commissioned.toordinal(),
                    self._circumstances,
                    self._cars.get(device.serial, ()),
                    has_battery=device.has_battery,
                ),
            )

    def day(self, device: SimulatedDevice, ordinal: int) -> PowerCurves:
        """Return the power curves of a local day of a device."""
        key = (device.serial, ordinal)
        with self._lock:
            slots = self._days.get(key)
        if slots is None:
            first = ordinal - ordinal % _DAYS_AT_ONCE
            days = self.of(device).slots(np.arange(first, first + _DAYS_AT_ONCE)).by_day()
            slots = days[ordinal - first]
            with self._lock:
                for number, each in enumerate(days, start=first):
                    self._days.put((device.serial, number), each)
        return slots


def readings_at(
    households: Households, device: SimulatedDevice, ordinal: int, times_s: Integers
) -> HouseholdReadings:
    """Return what happens at times (UTC epoch seconds) within the local day `ordinal`."""
    slots = households.day(device, ordinal)
    elapsed = times_s - households.calendar.span(ordinal).start_s
    slot = elapsed // SLOT_S
    part = elapsed % SLOT_S / SLOT_S
    energies = slots.energies()[0]
    before = np.vstack([np.zeros(len(COUNTERS), np.int64), np.cumsum(energies, axis=0)])
    today = (before[slot] + energies[slot] * part[:, None]) / MWH_PER_KWH
    total = households.of(device).counters_before(ordinal) / MWH_PER_KWH + today
    inverter, load = slots.inverter[0][slot], slots.load[0][slot]
    return HouseholdReadings(
        solar_w=slots.solar[0][slot],
        battery_w=slots.battery[0][slot],
        load_w=load,
        car_w=slots.car[0][slot],
        inverter_w=inverter,
        grid_w=inverter - load,
        stored_kwh=slots.charge_kwh_at_start[0] + today[:, _CHARGE] - today[:, _DISCHARGE],
        imported_kwh=total[:, _IMPORT],
        exported_kwh=total[:, _EXPORT],
    )


def rounded(value: float, digits: int = 15) -> float | int:
    """Return a number as the real API writes it: rounded, a whole one as an integer."""
    number = round(value, digits)
    return int(number) if number == int(number) else number
