"""The household behind an inverter: power by quarter hour and the resulting energy counters.

Belongs here: solar power, load, battery and grid, in W and kWh, for any local day of a device. Does
not belong here: when data points are sent and what they look like (`data_point_generator`).

Each day starts from a state of charge of its own and ends at that of the next, so days can be
computed in any order and still fit together. Energies are whole milliwatt-hours (integers), so that
sums over years are exact in any order. The load includes the cars that charge behind the same
meter: in a quarter hour they have the mean power that fits their register.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from simulator.seeded_random import Floats, Integers, key_of, triangular, uniform
from simulator.world.charging_schedule import ChargingSchedule
from simulator.world.cheap_hours import CheapHours
from simulator.world.local_calendar import DAY_S, EPOCH_ORDINAL, LocalCalendar

SLOT_S = 900
SLOTS = 100  # 25 hours: the longest day of the year
COUNTERS = ("solar", "import", "export", "charge", "discharge", "consumption", "ac_charge")
MWH_PER_KWH = 1_000_000

_BLOCK_DAYS = 366
_STEERED_SLOTS = 20
_SHORTEST_DAY_SLOTS = 92
_LATITUDE = np.radians(52.0)
_BATTERIES_AH = (102, 160, 186, 264)
BATTERY_V = 51.2
_DAYS_PER_YEAR = 365.25
_LEAST_LEFT = 0.1  # of a battery's capacity or the panels' power, at any age


@dataclass(frozen=True, slots=True)
class Plant:
    """The equipment as installed. Powers in W, load as its all-day base in W."""

    solar_peak_w: float
    inverter_w: float
    battery_ah: int
    battery_w: float
    base_load_w: float

    @property
    def battery_kwh(self) -> float:
        """The battery's nominal capacity."""
        return self.battery_ah * BATTERY_V / 1000

    @classmethod
    def of(cls, key: int, *, has_battery: bool = True) -> "Plant":
        """Return a plausible plant for a device's key."""
        u = uniform(key, np.arange(5))
        amp_hours = _BATTERIES_AH[int(u[0] * 4)] if has_battery else 0
        return cls(
            solar_peak_w=3000 + 3500 * float(u[1]),
            inverter_w=(3600, 5000, 6000)[int(u[2] * 3)],
            battery_ah=amp_hours,
            battery_w=amp_hours * BATTERY_V / 1000 * (280 + 80 * float(u[3])),
            base_load_w=180 + 240 * float(u[4]),
        )


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What makes a household's equipment age and shapes its days, besides the weather."""

    battery_fade_per_year: float = 0.0
    pv_degradation_per_year: float = 0.0
    cheap_hours: CheapHours | None = None


@dataclass(frozen=True, slots=True)
class PowerCurves:
    """Mean power per quarter hour in W, arrays of shape (days, SLOTS), 0 past a day's end.

    Battery is positive when it discharges, grid is positive when it exports. Load includes `car`.
    """

    solar: Floats
    battery: Floats
    load: Floats
    car: Floats
    inverter: Floats
    lengths: Integers
    charge_kwh_at_start: Floats

    def by_day(self) -> list["PowerCurves"]:
        """Return the curves of each day as those of a single day."""
        arrays = [getattr(self, each.name) for each in fields(self)]
        return [
            PowerCurves(*(array[i : i + 1] for array in arrays)) for i in range(len(self.lengths))
        ]

    def energies(self) -> Integers:
        """Return milliwatt-hours per slot and counter, shape (days, SLOTS, 7)."""
        grid = self.inverter - self.load
        charge = np.maximum(-self.battery, 0)
        powers = np.stack(
            [
                self.solar,
                np.maximum(-grid, 0),
                np.maximum(grid, 0),
                charge,
                np.maximum(self.battery, 0),
                self.load,
                np.minimum(charge, np.maximum(charge - self.solar, 0)),
            ],
            axis=-1,
        )
        return np.rint(powers * (SLOT_S / 3600 * 1000)).astype(np.int64)


def inverter_power(solar: Floats, battery: Floats) -> Floats:
    """Return AC output in W for DC input in W: a constant loss and a proportional one."""
    dc = solar + battery
    return dc - 25.0 - 0.03 * np.abs(dc)


class Household:
    """One device's energy, day by day. Safe to use from several threads."""

    def __init__(
        self,
        seed: int,
        serial: str,
        calendar: LocalCalendar,
        first_day: int,
        circumstances: Circumstances,
        cars: Sequence[ChargingSchedule] = (),
        *,
        has_battery: bool = True,
    ) -> None:
        """Start all counters at 0 on the local day whose ordinal is `first_day`.

        `cars` are what the chargers behind the same meter do.
        """
        self.key = key_of(seed, serial)
        self.plant = Plant.of(self.key, has_battery=has_battery)
        self.first_day = first_day
        self.cars = cars
        self._calendar = calendar
        self._fade_per_year = circumstances.battery_fade_per_year
        self._degradation_per_year = circumstances.pv_degradation_per_year
        self._cheap_hours = circumstances.cheap_hours
        self._blocks: list[Integers] = []
        self._lock = threading.Lock()

    def slots(self, days: Integers) -> PowerCurves:
        """Return the power curves of local days, given by ordinal."""
        spans = [self._calendar.span(int(day)) for day in days]
        starts = np.array([span.start_s for span in spans])
        lengths = np.array([(span.end_s - span.start_s) // SLOT_S for span in spans])
        slot = np.arange(SLOTS)
        seconds = starts[:, None] + slot * SLOT_S + SLOT_S // 2
        offsets = np.where(
            seconds >= np.array([span.changed_s for span in spans])[:, None],
            np.array([span.offset_at_end_s for span in spans])[:, None],
            np.array([span.offset_at_start_s for span in spans])[:, None],
        )
        inside = slot[None, :] < lengths[:, None]
        counters = days[:, None] * 128 + slot
        solar = np.where(inside, self._solar(days, seconds, counters), 0.0)
        wall_s = (seconds + offsets) % DAY_S
        car = np.where(inside, sum((_car_w(each, starts) for each in self.cars), 0.0), 0.0)
        load = np.where(inside, self._load(days, wall_s, counters) + car, 0.0)
        battery, stored = self._battery(days, solar, load, lengths, wall_s)
        inverter = np.where(inside, inverter_power(solar, battery), 0.0)
        return PowerCurves(solar, battery, load, car, inverter, lengths, stored)

    def _solar(self, days: Integers, seconds: Integers, counters: Integers) -> Floats:
        turn = 2 * np.pi / 365.25
        # The winter solstice is ten days before a year's start.
        declination = -0.409 * np.cos(turn * (days - EPOCH_ORDINAL + 10))[:, None]
        hour_angle = (seconds % DAY_S / 3600 - 12) * (np.pi / 12)
        height = np.sin(_LATITUDE) * np.sin(declination) + np.cos(_LATITUDE) * np.cos(
            declination
        ) * np.cos(hour_angle)
        weather = 0.12 + 0.88 * np.sqrt(uniform(self.key + 1, days))[:, None]
        clouds = 1 - (1 - weather) * 0.8 * uniform(self.key + 2, counters)
        peak_w = self.plant.solar_peak_w * self._left(days, self._degradation_per_year)[:, None]
        power = peak_w * np.maximum(height, 0) ** 1.2 * weather * clouds
        limited: Floats = np.minimum(power, self.plant.inverter_w)
        return limited

    def _load(self, days: Integers, wall_s: Integers, counters: Integers) -> Floats:
        hour = wall_s / 3600
        morning = np.exp(-(((hour - 7.6) / 1.1) ** 2))
        evening = np.exp(-(((hour - 18.6) / 1.9) ** 2))
        busy = 0.6 + 0.9 * uniform(self.key + 3, days)[:, None]
        cooking = np.where(uniform(self.key + 4, counters) < 0.05, 1900.0, 0.0) * (
            0.05 + morning + evening
        )
        shape = self.plant.base_load_w + busy * (700 * morning + 1300 * evening) + cooking
        load: Floats = shape * (1 + 0.25 * triangular(self.key + 5, counters))
        return load

    def battery_kwh(self, days: Integers) -> Floats:
        """Return the energy from full to empty on each day: the battery fades."""
        return self.plant.battery_kwh * self._left(days, self._fade_per_year)

    def _left(self, days: Integers, lost_per_year: float) -> Floats:
        years = np.maximum(days - self.first_day, 0) / _DAYS_PER_YEAR
        left: Floats = np.maximum(1 - lost_per_year * years, _LEAST_LEFT)
        return left

    def _stored_at_start(self, days: Integers) -> tuple[Floats, Floats]:
        """Return kWh stored at midnight, and at the start of the cheap hours directly before it."""
        capacity = self.battery_kwh(days)
        chance = uniform(self.key + 6, days)
        if self._cheap_hours is None:
            level = capacity * (0.35 + 0.35 * chance)
            return level, level
        # As little as makes the battery wait for the cheap hours.
        level = capacity * (0.05 + 0.1 * chance)
        charged = self.plant.battery_w / 1000 * self._cheap_hours.before_midnight_s / 3600
        return np.minimum(level + charged, capacity), level

    def _battery(
        self, days: Integers, solar: Floats, load: Floats, lengths: Integers, wall_s: Integers
    ) -> tuple[Floats, Floats]:
        """Return battery power in W and the energy stored at the day's start in kWh."""
        rate = self.plant.battery_w
        start, _ = self._stored_at_start(days)
        # Energies within this function are in W for a quarter hour.
        per_kwh = 1000 * 3600 / SLOT_S
        # What a day must not exceed, as it begins the next one, whose capacity is smaller.
        capacity = self.battery_kwh(days + 1) * per_kwh
        reserve = 0.04 * capacity
        end = self._stored_at_start(days + 1)[1] * per_kwh
        stored = start * per_kwh
        power = np.minimum(np.maximum(load - solar, -rate), rate).T.copy()
        cheap_before_midnight = 0
        if self._cheap_hours is not None:
            inside = np.arange(SLOTS)[:, None] < lengths
            power[self._cheap_hours.contain(wall_s).T & inside] = -rate
            cheap_before_midnight = self._cheap_hours.before_midnight_s // SLOT_S
        first_steered_slot = _SHORTEST_DAY_SLOTS - cheap_before_midnight - _STEERED_SLOTS
        for slot, requested in enumerate(power):
            if slot >= first_steered_slot:
                left = lengths - cheap_before_midnight - slot
                is_steered = (left <= _STEERED_SLOTS) & (left > 0)
                steered = (stored - end) / np.maximum(left, 1)
                requested[:] = np.where(is_steered, steered, requested)
            np.maximum(requested, np.minimum(stored - capacity, 0), out=requested)
            np.minimum(requested, np.maximum(stored - reserve, 0), out=requested)
            stored -= requested
        return power.T, start

    def counters_before(self, day: int) -> Integers:
        """Return milliwatt-hours from commissioning up to the local midnight that begins `day`."""
        days = max(day - self.first_day, 0)
        blocks, rest = divmod(days, _BLOCK_DAYS)
        with self._lock:
            while len(self._blocks) <= blocks:
                self._blocks.append(self._block(len(self._blocks)))
            total: Integers = self._blocks[blocks][rest].copy()
        return total

    def _block(self, number: int) -> Integers:
        """Return the counters at the 367 midnights of a block of 366 days."""
        first = self.first_day + number * _BLOCK_DAYS
        daily = self.slots(np.arange(first, first + _BLOCK_DAYS)).energies().sum(axis=1)
        before = self._blocks[-1][-1] if self._blocks else np.zeros(len(COUNTERS), np.int64)
        return np.vstack([before, before + np.cumsum(daily, axis=0)])


def _car_w(car: ChargingSchedule, starts: Integers) -> Floats:
    """Return the mean power of a car in each quarter hour of the days that start then, in W."""
    edges = starts[:, None] + np.arange(SLOTS + 1) * SLOT_S
    register = car.until(float(edges.max())).register_wh(edges.ravel()).reshape(edges.shape)
    return np.diff(register, axis=1) * (3600 / SLOT_S)
