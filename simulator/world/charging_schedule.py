"""When a car is plugged in at a charger, and the resulting import register of the charger.

Belongs here: the charging sessions of a charger and the energy that they put into cars. Does not
belong here: which chargers exist and when each is offline (`charger_fleet`), what meters report
(`simulator.endpoints.ev_meter_data`).

A day (UTC) has at most a session around noon and one in the evening, which may last into the next
morning. A car waits for cheap hours if there are some before the next session could begin. Power is
constant while a session charges, so the register is exact at every second. It is kept in whole Wh:
a session's energy is the difference of two readings, to the last digit.
"""

import threading
from dataclasses import dataclass, fields
from zoneinfo import ZoneInfo

import numpy as np

from simulator.seeded_random import Floats, Integers, uniform
from simulator.world.cheap_hours import CheapHours
from simulator.world.local_calendar import DAY_S, EPOCH_ORDINAL

_BLOCK_DAYS = 366
_HOUR_S = 3600
# (chance, earliest start, spread of starts, shortest and longest charge, longest wait when full,
# earliest start of what follows)
_NOON = (0.12, 9 * _HOUR_S, 4 * _HOUR_S, 1_000, 5_400, _HOUR_S, 59_400)
_EVENING = (0.6, 59_400, 6 * _HOUR_S, 2_900, 6 * _HOUR_S, 2 * _HOUR_S, DAY_S + 9 * _HOUR_S)
_SHORTEST_CHEAP_S = 900
_POWERS_W = (7_360, 7_130, 3_680, 2_300)


@dataclass(frozen=True, slots=True)
class SessionColumns:
    """Sessions in order of their start, as arrays of equal length. Times are UTC epoch seconds.

    A car charges from `charge_s` on, which is later than the start if it waits for cheap hours.
    `full_s` is when it was full, `stop_s` when the session ended. `number` identifies a session and
    never changes.
    """

    number: Integers
    start_s: Integers
    charge_s: Integers
    full_s: Integers
    stop_s: Integers
    power_w: Integers
    meter_start_wh: Integers

    @property
    def meter_stop_wh(self) -> Integers:
        """The register at the end of each session."""
        register: Integers = (
            self.meter_start_wh + self.power_w * (self.full_s - self.charge_s) // _HOUR_S
        )
        return register

    def at(self, times_s: Integers) -> Integers:
        """Return the position of the latest session begun at each time; -1 before the first."""
        after: Integers = np.searchsorted(self.start_s, times_s, side="right")
        return after - 1

    def register_wh(self, times_s: Integers) -> Integers:
        """Return the import register at each time."""
        if not len(self.start_s):
            return np.zeros(len(times_s), np.int64)
        which = np.maximum(self.at(times_s), 0)
        begun_s = self.charge_s[which]
        charged_s = np.clip(times_s, begun_s, self.full_s[which]) - begun_s
        register: Integers = self.meter_start_wh[which] + self.power_w[which] * charged_s // _HOUR_S
        return register

    def charging_w(self, times_s: Integers) -> Integers:
        """Return the power into the car at each time."""
        if not len(self.start_s):
            return np.zeros(len(times_s), np.int64)
        which = np.maximum(self.at(times_s), 0)
        charging = (times_s >= self.charge_s[which]) & (times_s < self.full_s[which])
        return np.where(charging, self.power_w[which], 0)


class ChargingSchedule:
    """All sessions of one charger, computed on demand. Safe to use from several threads."""

    def __init__(
        self, key: int, first_day: int, zone: ZoneInfo, cheap_hours: CheapHours | None
    ) -> None:
        """Start with the UTC day whose ordinal is `first_day`; cheap hours are those of a zone."""
        self._key = key
        self._first_day = first_day
        self._zone = zone
        self._cheap_hours = cheap_hours
        self._days = 0
        self._sessions = SessionColumns(*[np.empty(0, np.int64)] * len(fields(SessionColumns)))
        self._lock = threading.Lock()

    def until(self, time_s: float) -> SessionColumns:
        """Return all sessions that begin up to a time, and possibly some later ones."""
        needed = int(time_s) // DAY_S + EPOCH_ORDINAL - self._first_day + 1
        with self._lock:
            while self._days < needed:
                self._extend()
            return self._sessions

    def _extend(self) -> None:
        days = np.arange(_BLOCK_DAYS) + self._first_day + self._days
        noon, evening = self._sessions_of(days, 0, *_NOON), self._sessions_of(days, 1, *_EVENING)
        rows = np.concatenate([noon, evening])
        rows = rows[np.argsort(rows[:, 1])]
        before = self._sessions
        energies = rows[:, 5] * (rows[:, 3] - rows[:, 2]) // _HOUR_S
        register = int(before.meter_stop_wh[-1]) if len(before.start_s) else 0
        meter_start = register + np.concatenate([[0], np.cumsum(energies)[:-1]])
        new = (*rows.T, meter_start[: len(rows)])
        old = (getattr(before, column.name) for column in fields(before))
        pairs = zip(old, new, strict=True)
        self._sessions = SessionColumns(*(np.concatenate(pair).astype(np.int64) for pair in pairs))
        self._days += _BLOCK_DAYS

    def _sessions_of(
        self,
        days: Integers,
        slot: int,
        chance: float,
        earliest_s: int,
        spread_s: int,
        shortest_s: int,
        longest_s: int,
        longest_wait_s: int,
        next_start_s: int,
    ) -> Integers:
        """Return rows of (number, start, charge, full, stop, power) of days with such a session."""
        numbers = days * 2 + slot

        def chances(name: int) -> Floats:
            return uniform(self._key + name, numbers)

        start = (days - EPOCH_ORDINAL) * DAY_S + earliest_s + (spread_s * chances(1)).astype(int)
        needed_s = shortest_s + ((longest_s - shortest_s) * chances(2)).astype(int)
        wait = (np.maximum(chances(3) - 0.5, 0) * 2 * longest_wait_s).astype(int)
        charge, full = start, start + needed_s
        if self._cheap_hours is not None:
            opens, closes = self._cheap_hours.next_after(start, self._zone)
            cheap_charge = np.maximum(start, opens)
            cheap_full = np.minimum(cheap_charge + needed_s, closes)
            latest = (days - EPOCH_ORDINAL) * DAY_S + next_start_s
            possible = (cheap_full + wait < latest) & (
                cheap_full - cheap_charge >= _SHORTEST_CHEAP_S
            )
            charge = np.where(possible, cheap_charge, charge)
            full = np.where(possible, cheap_full, full)
        power = np.array(_POWERS_W)[(len(_POWERS_W) * chances(4)).astype(int)]
        rows = np.stack([numbers, start, charge, full, full + wait, power], axis=1)
        return rows[chances(0) < chance]
