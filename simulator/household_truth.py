"""What really happened in the simulated households, for tests and benchmarks of figures.

Belongs here: energies, battery capacity and charging sessions as the simulation has them inside.
Does not belong here: what the API shows of them (`endpoints`): rounded, late and incomplete.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulator.world.cloud_state import CloudState
from simulator.world.energy import MWH_PER_KWH
from simulator.world.energy_flow_split import HALF_HOUR_S, HALF_HOURS, divide


@dataclass(frozen=True, slots=True)
class TrueEnergies:
    """The seven flows of a half hour in kWh; what the inverter loses counts as used at home."""

    start: dt.datetime
    pv_to_home: float
    pv_to_battery: float
    pv_to_grid: float
    grid_to_home: float
    grid_to_battery: float
    battery_to_home: float
    battery_to_grid: float

    @property
    def home(self) -> float:
        """What the home used, the car included if it is behind the home's meter."""
        return self.pv_to_home + self.grid_to_home + self.battery_to_home


@dataclass(frozen=True, slots=True)
class TrueSession:
    """A charging session. `half_hours` has start and kWh of each half hour with energy.

    The three sources divide each half hour's energy as the home's in that half hour, as far as its
    inverter existed; they are None for a charger on a supply of its own.
    """

    started_at: dt.datetime
    stopped_at: dt.datetime
    kwh: float
    half_hours: tuple[tuple[dt.datetime, float], ...]
    from_pv_kwh: float | None
    from_grid_kwh: float | None
    from_battery_kwh: float | None


class HouseholdTruth:
    """Looks inside the households of a simulated cloud."""

    def __init__(self, state: CloudState) -> None:
        """Look inside `state`."""
        self._state = state

    def energies(self, serial: str, start: dt.datetime, end: dt.datetime) -> Iterator[TrueEnergies]:
        """Yield the half hours of an inverter that begin in [start, end), oldest first.

        There are none before it was commissioned, and no gaps after. Raises `KeyError` for an
        unknown serial number.
        """
        device = self._state.inverter(serial)
        calendar = self._state.households.calendar
        start_s, end_s = start.timestamp(), end.timestamp()
        if start_s >= end_s:
            return
        for ordinal in calendar.ordinals_covering(int(start_s), int(np.ceil(end_s))):
            if ordinal < device.commissioned.toordinal():
                continue
            flows = divide(self._state.households.day(device, ordinal))[0]
            halves = flows.reshape(HALF_HOURS, 2, -1).sum(axis=1) / MWH_PER_KWH
            span = calendar.span(ordinal)
            for begin_s, kwh in zip(
                range(span.start_s, span.end_s, HALF_HOUR_S), halves.tolist(), strict=False
            ):
                if start_s <= begin_s < end_s:
                    yield TrueEnergies(_utc(begin_s), *kwh)

    def battery_kwh(self, serial: str, at: dt.datetime) -> float:
        """Return what an inverter's battery gives between 100 % and 0 % at a time.

        It never falls below 4 %. Raises `KeyError` for an unknown serial number.
        """
        zone = self._state.households.calendar.zone
        day = np.array([at.astimezone(zone).toordinal()])
        household = self._state.households.of(self._state.inverter(serial))
        return float(household.battery_kwh(day)[0])

    def home_serial(self, charger_uuid: str) -> str | None:
        """Return the serial number of the inverter behind whose meter a charger is, if any.

        Raises `KeyError` for an unknown charger.
        """
        charger = self._state.chargers[charger_uuid]
        device = self._state.home_meter(charger.account)
        return device.serial if device is not None else None

    def charged(
        self, charger_uuid: str, start: dt.datetime, end: dt.datetime
    ) -> Iterator[TrueSession]:
        """Yield the sessions of a charger that begin in [start, end), oldest first.

        Raises `KeyError` for an unknown charger.
        """
        home = self.home_serial(charger_uuid)
        sessions = self._state.chargers[charger_uuid].sessions.until(end.timestamp())
        first, last = np.searchsorted(sessions.start_s, [start.timestamp(), end.timestamp()])
        for index in range(int(first), int(last)):
            begin_s, stop_s = int(sessions.start_s[index]), int(sessions.stop_s[index])
            edges = np.arange(begin_s // HALF_HOUR_S, -(-stop_s // HALF_HOUR_S) + 1) * HALF_HOUR_S
            # Another session may begin in the same half hour.
            kwh = np.diff(sessions.register_wh(np.clip(edges, begin_s, stop_s))) / 1000
            parts = [(_utc(s), e) for s, e in zip(edges.tolist(), kwh.tolist(), strict=False) if e]
            yield TrueSession(
                _utc(begin_s),
                _utc(stop_s),
                float(sessions.meter_stop_wh[index] - sessions.meter_start_wh[index]) / 1000,
                tuple(parts),
                *self._sources(home, parts),
            )

    def _sources(
        self, home: str | None, parts: list[tuple[dt.datetime, float]]
    ) -> tuple[float | None, float | None, float | None]:
        """Return what came from the sun, the grid and the battery."""
        if home is None:
            return None, None, None
        sums = np.zeros(3)
        for begin, kwh in parts:
            for used in self.energies(home, begin, begin + dt.timedelta(seconds=1)):
                mix = np.array([used.pv_to_home, used.grid_to_home, used.battery_to_home])
                sums += kwh * mix / used.home
        pv, grid, battery = sums.tolist()
        return pv, grid, battery


def _utc(time_s: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(time_s, dt.UTC)
