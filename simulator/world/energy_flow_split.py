"""The seven energy flows of a household by half hour, in kWh.

Belongs here: dividing a household's energy into flows, half hours that were never received, the
digits that real responses show. Does not belong here: labels, groupings, what is visible when
(`simulator.endpoints.energy_flows`).

Sun, import, export, charge and discharge are the household's own, so 0+1+2, 3+4, 2+6, 1+4 and 5+6
give the day's counters to a hundredth. The inverter's losses count as used at home: 0+3+5 exceeds
the counter of consumption by them.
"""

import datetime as dt
import threading

import numpy as np

from simulator.config import SimulatorConfig
from simulator.seeded_random import Floats, Integers, key_of, uniform
from simulator.world.daily_data_points import is_offline
from simulator.world.energy import MWH_PER_KWH, SLOTS, PowerCurves
from simulator.world.households import Households
from simulator.world.installations import SimulatedDevice
from simulator.world.lru_cache import LruCache

TYPES = range(7)
HALF_HOUR_S = 1800
HALF_HOURS = SLOTS // 2

_HUNDREDTH = MWH_PER_KWH // 100
_BLOCK_DAYS = 32
_BLOCKS_KEPT = 128
_LONG_BLOCK_DAYS = 12 * _BLOCK_DAYS
_LONG_BLOCKS_KEPT = 2_048


class EnergyFlowSplit:
    """The final flows of all devices. Safe to use from several threads."""

    def __init__(self, config: SimulatorConfig, households: Households) -> None:
        """Start with nothing computed."""
        self._config = config
        self._households = households
        self._blocks: LruCache[tuple[str, int], Floats] = LruCache(_BLOCKS_KEPT)
        self._long_blocks: LruCache[tuple[str, int], Floats] = LruCache(_LONG_BLOCKS_KEPT)
        self._lock = threading.Lock()

    def half_hours(self, device: SimulatedDevice, ordinal: int) -> Floats:
        """Return a local day's flows, shape (HALF_HOURS, 7); NaN for a missing half hour."""
        number, position = divmod(ordinal, _BLOCK_DAYS)
        key = (device.serial, number)
        with self._lock:
            block = self._blocks.get(key)
        if block is None:
            block = self._kwh(device, number * _BLOCK_DAYS, _BLOCK_DAYS)
            with self._lock:
                self._blocks.put(key, block)
        day: Floats = block[position]
        return day

    def day(self, device: SimulatedDevice, ordinal: int) -> Floats:
        """Return the seven sums of a local day's half hours; NaN if it has none."""
        number, position = divmod(ordinal, _LONG_BLOCK_DAYS)
        key = (device.serial, number)
        with self._lock:
            block = self._long_blocks.get(key)
        if block is None:
            kwh = self._kwh(device, number * _LONG_BLOCK_DAYS, _LONG_BLOCK_DAYS)
            absent = np.isnan(kwh)
            block = np.where(absent, 0, kwh).sum(axis=1)
            block[absent.all(axis=1)] = np.nan
            with self._lock:
                self._long_blocks.put(key, block)
        sums: Floats = block[position]
        return sums

    def _kwh(self, device: SimulatedDevice, first: int, count: int) -> Floats:
        household = self._households.of(device)
        days = np.arange(first, first + count)
        slots = household.slots(days)
        hundredths = _hundredths(divide(slots))
        key = key_of(household.key, "flows")
        kwh = _as_written(key, days, hundredths)
        half = np.arange(HALF_HOURS)
        absent = half[None, :] >= (slots.lengths // 2)[:, None]
        absent |= uniform(key + 3, days[:, None] * 64 + half) < self._config.flow_gap_rate
        absent |= np.array(
            [self._unreceived(device, household.first_day, d) for d in days.tolist()]
        )[:, None]
        kwh[absent] = np.nan
        return kwh

    def _unreceived(self, device: SimulatedDevice, first_day: int, ordinal: int) -> bool:
        return ordinal < first_day or is_offline(self._config, device, dt.date.fromordinal(ordinal))


def divide(slots: PowerCurves) -> Integers:
    """Return milliwatt-hours by quarter hour and type of flow, shape (days, SLOTS, 7).

    The sun feeds the home first, then the battery, then the grid; what the battery gives goes home
    before it is exported.
    """
    solar, imported, exported, charge, discharge = np.moveaxis(slots.energies(), -1, 0)[:5]
    home = solar + imported + discharge - exported - charge  # losses included
    solar_home = np.minimum(solar, home)
    solar_battery = np.minimum(solar - solar_home, charge)
    solar_grid = solar - solar_home - solar_battery
    grid_battery = charge - solar_battery
    battery_grid = exported - solar_grid
    flows: Integers = np.stack(
        [
            solar_home,
            solar_battery,
            solar_grid,
            imported - grid_battery,
            grid_battery,
            discharge - battery_grid,
            battery_grid,
        ],
        axis=-1,
    )
    return flows


def _hundredths(flows: Integers) -> Integers:
    """Return hundredths of a kWh by half hour; rounding errors carry over to the next."""
    halves = flows.reshape(len(flows), HALF_HOURS, 2, len(TYPES)).sum(axis=2)
    counted: Integers = (np.cumsum(halves, axis=1) + _HUNDREDTH // 2) // _HUNDREDTH
    return np.diff(counted, axis=1, prepend=0)


def _as_written(key: int, days: Integers, hundredths: Integers) -> Floats:
    """Return energies in kWh with the rounding errors of differences of large counters.

    Recorded: a few have a tail of digits, and nothing is now and then a little more than 0.
    """
    plain = hundredths / 100
    counters = (days[:, None, None] * HALF_HOURS + np.arange(HALF_HOURS)[None, :, None]) * 8
    chance = uniform(key, counters + np.array(TYPES))
    counter = (np.floor(1_000 + 9_000 * uniform(key + 1, days)) + 0.3)[:, None, None]
    small = np.floor(100 + 400 * uniform(key + 2, days))[:, None, None]
    tailed = np.where((chance < 0.06) & (hundredths > 0), (counter + plain) - counter, plain)
    tiny = np.abs((small + 0.1) - small - 0.1)
    written: Floats = np.where((chance > 0.99) & (hundredths == 0), tiny, tailed)
    return written
