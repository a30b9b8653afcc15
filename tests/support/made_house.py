"""A made house whose powers and energies are known at every moment, and its inverter's registers.

The inverter has no losses: what PV and battery give is what it delivers. Days begin at midnight of
the zone; hours count from there, also where clocks change. Registers are encoded by hand, by
address, and share nothing with the library or the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

SERIAL = "ZZ1111A001"
# A hybrid of the first generation.
TYPE_CODE, ARM_FIRMWARE = 0x2001, 449
_STEP_S = 10
Key = tuple[str, int]
Registers = dict[Key, int]
ENERGIES = (
    "solar",
    "import",
    "export",
    "charge",
    "discharge",
    "inverter_out",
    "ac_charge",
    "load",
)


@dataclass(frozen=True)
class Powers:
    """Powers in W: the battery's positive discharges, the grid's positive exports."""

    solar: float
    load: float
    battery: float

    @property
    def inverter(self) -> float:
        return self.solar + self.battery

    @property
    def grid(self) -> float:
        return self.inverter - self.load


@dataclass(frozen=True)
class MadeHouse:
    """A house; `installed` is the first day of its total counters."""

    zone: str = "Europe/London"
    installed: date = date(2025, 1, 1)
    serial: str = SERIAL
    before_kwh: float = 1_000.0

    def day_of(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.zone)).date()

    def hours_of(self, at: datetime) -> float:
        """Return the hours since the day's midnight."""
        return (at - self.midnight(self.day_of(at))).total_seconds() / 3600

    def midnight(self, day: date) -> datetime:
        moment = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone))
        return moment.astimezone(UTC)

    def powers(self, at: datetime) -> Powers:
        solar, load, battery = _powers(np.array([self.hours_of(at)]))
        return Powers(float(solar[0]), float(load[0]), float(battery[0]))

    def today(self, at: datetime) -> dict[str, float]:
        """Return the energies of the day up to a moment, kWh."""
        hours = self.hours_of(at)
        curves = _energies(_seconds(self, self.day_of(at)))
        grid = np.arange(len(curves["solar"])) * _STEP_S / 3600
        return {name: float(np.interp(hours, grid, curves[name])) for name in ENERGIES}

    def total(self, at: datetime) -> dict[str, float]:
        """Return the energies since the installation, kWh."""
        today, before = self.today(at), _before(self, self.day_of(at))
        return {name: before[name] + today[name] for name in ENERGIES}

    def registers(self, at: datetime) -> Registers:
        """Return the registers of the inverter at a moment."""
        power, today, total = self.powers(at), self.today(at), self.total(at)
        percent = round(50 + 30 * np.sin(self.hours_of(at) / 24 * 2 * np.pi))
        string_1 = round(power.solar * 0.6)
        held = {0: TYPE_CODE, 21: ARM_FIRMWARE, **dict(enumerate(_text(self.serial), 13))}
        read = {
            0: 1,  # normal
            1: 3012,
            2: 2987,
            5: 2447,
            8: round(string_1 / 301.2 * 10),
            9: round((power.solar - string_1) / 298.7 * 10),
            10: round(abs(power.inverter) / 244.7 * 10),
            **_long(11, total["solar"]),
            13: 4996,
            17: _tenths(today["solar"] * 0.6),
            18: string_1,
            19: _tenths(today["solar"]) - _tenths(today["solar"] * 0.6),
            20: round(power.solar) - string_1,
            **_long(21, total["export"]),
            24: _signed(power.inverter),
            25: _tenths(today["export"]),
            26: _tenths(today["import"]),
            **_long(27, total["ac_charge"]),
            30: _signed(power.grid),
            31: 0,
            **_long(32, total["import"]),
            35: _tenths(today["ac_charge"]),
            36: 1,
            37: 2,
            41: 324,
            42: round(power.load),
            44: _tenths(today["inverter_out"]),
            **_long(45, total["inverter_out"]),
            50: 5215,
            52: _signed(power.battery),
            53: 2451,
            54: 5004,
            56: _signed(-35),  # 3.5 degrees below zero
            59: percent,
        }
        more = {
            180: _tenths(total["discharge"]),
            181: _tenths(total["charge"]),
            182: _tenths(today["discharge"]),
            183: _tenths(today["charge"]),
        }
        return {
            **{("HR", number): held.get(number, 0) for number in range(60)},
            **{("IR", number): read.get(number, 0) for number in range(60)},
            **{("IR", number): more.get(number, 0) for number in range(180, 240)},
        }


def _powers(hours: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return PV, load and battery by hours of the day."""
    sun = np.sin(np.pi * (hours - 6) / 12)
    solar = np.where((hours > 6) & (hours < 18), 4000 * np.maximum(sun, 0), 0)
    load = 350 + 900 * ((hours >= 7) & (hours < 8.5)) + 1800 * ((hours >= 17) & (hours < 20))
    battery = (
        -1500.0 * ((hours >= 2) & (hours < 4))
        - 1000.0 * ((hours >= 10) & (hours < 13))
        + 1200.0 * ((hours >= 17) & (hours < 21))
    )
    return solar, load.astype(float), battery


@lru_cache(maxsize=64)
def _before(house: MadeHouse, day: date) -> dict[str, float]:
    """Return the energies from the installation to the beginning of a day."""
    # What was generated and used before cancels out in the load, which is derived of them.
    sums = {**dict.fromkeys(ENERGIES, house.before_kwh), "load": 0.0}
    each = house.installed
    while each < day:
        whole = _energies(_seconds(house, each))
        sums = {name: sums[name] + float(whole[name][-1]) for name in ENERGIES}
        each += timedelta(days=1)
    return sums


def _seconds(house: MadeHouse, day: date) -> int:
    length = house.midnight(day + timedelta(days=1)) - house.midnight(day)
    return int(length.total_seconds())


@lru_cache(maxsize=8)
def _energies(seconds: int) -> dict[str, np.ndarray]:
    """Return the energies of a day of a length, kWh, at every step from its midnight on."""
    middles = (np.arange(seconds // _STEP_S) + 0.5) * _STEP_S / 3600
    solar, load, battery = _powers(middles)
    inverter = solar + battery
    grid = inverter - load
    curves = {
        "solar": solar,
        "import": np.maximum(-grid, 0),
        "export": np.maximum(grid, 0),
        "charge": np.maximum(-battery, 0),
        "discharge": np.maximum(battery, 0),
        "inverter_out": np.maximum(inverter, 0),
        "ac_charge": np.maximum(-inverter, 0),
        "load": load,
    }
    return {
        name: np.concatenate([[0.0], np.cumsum(curve) * _STEP_S / 3.6e6])
        for name, curve in curves.items()
    }


def _tenths(kwh: float) -> int:
    """Return a counter of tenths: what is not a whole tenth yet is not counted."""
    return int(kwh * 10 + 1e-6)


def _long(first: int, kwh: float) -> dict[int, int]:
    return {first: _tenths(kwh) >> 16, first + 1: _tenths(kwh) & 0xFFFF}


def _signed(value: float) -> int:
    return round(value) & 0xFFFF


def _text(serial: str) -> list[int]:
    content = serial.encode()
    return [content[i] << 8 | content[i + 1] for i in range(0, len(content), 2)]
