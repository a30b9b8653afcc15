"""Data points of a local day: when an inverter reports, and what each report contains.

Belongs here: intervals, bursts, gaps, late arrival, counters as reported, irregularities that
recordings show (repeated times, null leaves, a counter that steps back). Does not belong here: the
energy behind it (`energy`), which points a path date selects (`daily_data_points`), `anomalies`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from simulator.seeded_random import Floats, Integers, key_of, triangular, uniform, uniform_of
from simulator.world.energy import COUNTERS, MWH_PER_KWH, SLOT_S, Household, inverter_power
from simulator.world.local_calendar import LocalCalendar

Row = dict[str, Any]

_INTERVAL_S = 306
_PLAIN_ROWS = 272  # what remains of a day's 282 five-minute reports after the gaps
_MAX_ROWS = 1_500
_TENTH = MWH_PER_KWH // 10
_SOLAR, _IMPORT, _EXPORT, _CHARGE, _DISCHARGE, _CONSUMPTION, _AC_CHARGE = range(len(COUNTERS))
_NULLABLE = (
    ("grid", "frequency"),
    ("battery", "temperature"),
    ("battery", "percent"),
    ("inverter", "output_voltage"),
    ("inverter", "temperature"),
    ("solar", "power"),
)


@dataclass(frozen=True, slots=True)
class GeneratedDataPoint:
    """One data point: its time and when it becomes visible (UTC epoch s), and its JSON text."""

    time_s: int
    visible_s: int
    text: bytes


class DataPointGenerator:
    """The data points of one device, a local day at a time."""

    def __init__(
        self,
        household: Household,
        calendar: LocalCalendar,
        *,
        rows_per_day: int,
        gateway: bool,
        rare_statuses: Sequence[str] = (),
    ) -> None:
        """Generate `rows_per_day` on average; a Gateway never reports its battery's percentage.

        A row in 500 has one of `rare_statuses`.
        """
        self._rare_statuses = rare_statuses
        self._household = household
        self._calendar = calendar
        self._rows_per_day = rows_per_day
        self._gateway = gateway
        self._has_battery_voltage = not gateway and uniform_of(household.key, "voltage") < 0.34

    def local_day(self, ordinal: int) -> list[GeneratedDataPoint]:
        """Return the points of a local day in order of time; none before commissioning."""
        if ordinal < self._household.first_day:
            return []
        span = self._calendar.span(ordinal)
        key = key_of(self._household.key, ordinal)
        elapsed = self._times(key, span.end_s - span.start_s)
        if not len(elapsed):
            return []
        rows = self._rows(key, ordinal, span.start_s, elapsed)
        index = np.arange(len(elapsed))
        late = uniform(key + 20, index) < 0.03
        slow = np.where(
            late, 600 + 13_800 * uniform(key + 21, index), 30 * uniform(key + 22, index)
        )
        times = (span.start_s + elapsed).tolist()
        visible = (span.start_s + elapsed + np.ceil(slow).astype(np.int64)).tolist()
        points = []
        twice = (uniform(key + 23, index) < 0.0003).tolist()
        for time_s, visible_s, text, again in zip(times, visible, rows, twice, strict=True):
            points.append(GeneratedDataPoint(time_s, visible_s, text))
            if again:
                points.append(GeneratedDataPoint(time_s, visible_s, text))
        return points

    def _times(self, key: int, length_s: int) -> Integers:
        """Return seconds after midnight of each report, ascending, a few of them repeated."""
        count = length_s // _INTERVAL_S + 1
        steps = _INTERVAL_S + (3 * uniform(key + 1, np.arange(count))).astype(np.int64)
        plain = np.cumsum(steps) - steps[0] + int(300 * uniform(key + 2, 0))
        plain = plain[uniform(key + 3, np.arange(count)) >= 0.02]
        times = np.unique(np.concatenate([plain, self._bursts(key, length_s)]))
        if uniform(key + 4, 0) < 0.06:
            gap_start = length_s * float(uniform(key + 5, 0))
            gap_end = gap_start + 3600 * (1.5 + 6 * float(uniform(key + 6, 0)))
            times = times[(times < gap_start) | (times > gap_end)]
        times = times[times < length_s]
        repeated = np.flatnonzero(uniform(key + 7, np.arange(max(len(times) - 1, 0))) < 0.0026)
        times[repeated + 1] = times[repeated]
        return np.sort(times)

    def _bursts(self, key: int, length_s: int) -> Integers:
        """Return times of reports every 10 to 15 s, as while somebody watches the live view."""
        most = max(self._rows_per_day - _PLAIN_ROWS, 0) * 2
        wanted = min(int(most * float(uniform(key + 8, 0))), _MAX_ROWS - _PLAIN_ROWS)
        pieces = [np.empty(0, np.int64)]
        number = 0
        while wanted > 0:
            size = min(wanted, 20 + int(70 * float(uniform(key + 9, number))))
            # Within the waking hours, so that a burst is not cut off at the end of the day.
            start = int(length_s * (0.25 + 0.68 * float(uniform(key + 10, number))))
            steps = 10 + (6 * uniform(key + 11, number * 128 + np.arange(size))).astype(np.int64)
            pieces.append(start + np.cumsum(steps))
            wanted -= size
            number += 1
        return np.concatenate(pieces)

    def _rows(self, key: int, ordinal: int, start_s: int, elapsed: Integers) -> list[bytes]:
        household = self._household
        day = np.array([ordinal])
        slots = household.slots(day)
        index = np.arange(len(elapsed))
        slot = elapsed // SLOT_S
        part = elapsed % SLOT_S / SLOT_S

        energies = slots.energies()[0]
        before = np.vstack([np.zeros(len(COUNTERS), np.int64), np.cumsum(energies, axis=0)])
        counted = before[slot] + (energies[slot] * part[:, None]).astype(np.int64)
        base = household.counters_before(ordinal)
        today = counted // _TENTH
        yesterdays = self._yesterdays_counters(key, ordinal, base)
        today[: len(yesterdays)] = yesterdays[: len(today)]
        both = (base + counted)[:, [_CHARGE, _DISCHARGE]].sum(axis=1) // 2 // _TENTH
        total = (base + counted) // _TENTH
        back = (uniform(key + 12, index) < 0.04).astype(np.int64)
        today[:, _CONSUMPTION] -= np.minimum(back, today[:, _CONSUMPTION])
        total[:, _CONSUMPTION] -= np.minimum(back, total[:, _CONSUMPTION])

        solar = np.rint(slots.solar[0][slot] * (1 + 0.06 * triangular(key + 13, index)))
        battery = np.rint(slots.battery[0][slot] * (1 + 0.05 * triangular(key + 14, index)))
        load = np.rint(slots.load[0][slot] * (1 + 0.08 * triangular(key + 15, index)))
        inverter = np.rint(inverter_power(solar, battery))
        grid = inverter - load + np.rint(2 * triangular(key + 16, index))
        moved = (before[slot] + energies[slot] * part[:, None])[:, [_CHARGE, _DISCHARGE]]
        stored = slots.charge_kwh_at_start[0] + (moved[:, 0] - moved[:, 1]) / MWH_PER_KWH
        capacity = household.battery_kwh(day)
        percent = np.clip(np.rint(100 * stored / np.maximum(capacity, 0.001)), 0, 100)

        def tenths(name: int, middle: float, width: float) -> list[float | int]:
            return _decimals(middle + width * triangular(key + name, index), 10)

        first = np.rint(solar * (0.5 + 0.02 * triangular(key + 30, index)))
        arrays = [self._array(key, 31, first), self._array(key, 34, solar - first)]
        volts = tenths(40, 245, 5)
        moments = np.datetime_as_string((start_s + elapsed).astype("datetime64[s]"), timezone="UTC")
        today_columns = [_scaled(column, 10) for column in today.T]
        total_columns = [_scaled(column, 10) for column in total.T]
        columns = zip(
            moments.tolist(),
            self._statuses(key, inverter),
            _whole(solar),
            *arrays[0],
            *arrays[1],
            volts,
            _decimals(np.abs(grid) / 245 + uniform(key + 41, index), 10),
            _whole(grid),
            _decimals(50 + 0.15 * triangular(key + 42, index), 100),
            [None] * len(index) if self._gateway else _whole(percent),
            _whole(battery),
            _whole(17 + 6 * uniform(key + 43, slot // 16)),
            _whole(load),
            tenths(44, 31, 4),
            _whole(inverter),
            tenths(45, 245, 5),
            _decimals(50 + 0.15 * triangular(key + 46, index), 100),
            *today_columns,
            *total_columns,
            _scaled(both, 10),
            strict=True,
        )
        return self._encoded(key, len(index), columns)

    def _yesterdays_counters(self, key: int, ordinal: int, base: Integers) -> Integers:
        """Return yesterday's final counters (tenths) for reports before they are reset."""
        if ordinal == self._household.first_day or uniform(key + 17, 0) >= 0.2:
            return np.empty((0, len(COUNTERS)), np.int64)
        final = (base - self._household.counters_before(ordinal - 1)) // _TENTH
        return np.repeat(final[None, :], 1 + int(2 * uniform(key + 18, 0)), axis=0)

    @staticmethod
    def _array(key: int, name: int, power: Floats) -> tuple[list[Any], list[Any], list[int]]:
        """Return voltage, current and power of one string of panels."""
        index = np.arange(len(power))
        volts = np.where(power > 0, 200 + 25 * triangular(key + name, index), 0)
        amps = np.where(power > 0, power / np.maximum(volts, 1), 0)
        return _decimals(volts, 10), _decimals(amps, 10), _whole(power)

    def _statuses(self, key: int, inverter: Floats) -> list[str]:
        chance = uniform(key + 19, np.arange(len(inverter)))
        names = np.where(np.abs(inverter) < 26, "WAITING", "NORMAL")
        names = np.where(chance < 0.006, "Normal", names)
        names = np.where(chance < 0.003, "WARNING", names)
        if self._rare_statuses:
            chosen = (chance * 1e6).astype(np.int64) % len(self._rare_statuses)
            names = np.where(chance >= 0.998, np.array(self._rare_statuses)[chosen], names)
        return np.where(chance < 0.001, "Unknown", names).tolist()  # type: ignore[no-any-return]

    def _irregular_rows(self, key: int, count: int) -> dict[int, tuple[str, str] | None]:
        """Return by row the leaf that is null, or None if the whole battery is `{}`."""
        chance = uniform(key + 24, np.arange(count))
        return {
            row: _NULLABLE[int(chance[row] * 1e7) % len(_NULLABLE)]
            if chance[row] >= 0.0004
            else None
            for row in np.flatnonzero(chance < 0.0014).tolist()
        }

    def _encoded(self, key: int, count: int, columns: Iterable[tuple[Any, ...]]) -> list[bytes]:
        """Return the rows as JSON, encoded one by one to save memory."""
        irregular = self._irregular_rows(key, count)
        volts = _decimals(51.5 + 1.5 * triangular(key + 25, np.arange(count)), 10)
        texts = []
        for index, values in enumerate(columns):
            row = _row(*values)
            if self._has_battery_voltage:
                row["power"]["battery"]["voltage"] = volts[index]
            if index in irregular:
                leaf = irregular[index]
                if leaf is None:
                    row["power"]["battery"] = {}
                else:
                    row["power"][leaf[0]][leaf[1]] = None
            texts.append(msgspec.json.encode(row))
        return texts


def _row(  # the order of the columns in `DataPointGenerator._rows`
    time: str, status: str, solar: int,
    volts_1: float, amps_1: float, watts_1: int,
    volts_2: float, amps_2: float, watts_2: int,
    grid_volts: float, grid_amps: float, grid: int, grid_hertz: float,
    percent: int | None, battery: int, battery_celsius: int, load: int,
    celsius: float, inverter: int, output_volts: float, output_hertz: float,
    solar_today: float, import_today: float, export_today: float, charge_today: float,
    discharge_today: float, consumption_today: float, ac_charge_today: float,
    solar_total: float, import_total: float, export_total: float, _charge_total: float,
    _discharge_total: float, consumption_total: float, ac_charge_total: float,
    battery_total: float,
) -> Row:  # fmt: skip
    return {
        "time": time,
        "status": status,
        "power": {
            "solar": {
                "power": solar,
                "arrays": [
                    {"array": 1, "voltage": volts_1, "current": amps_1, "power": watts_1},
                    {"array": 2, "voltage": volts_2, "current": amps_2, "power": watts_2},
                ],
            },
            "grid": {
                "voltage": grid_volts,
                "current": grid_amps,
                "power": grid,
                "frequency": grid_hertz,
            },
            "battery": {"percent": percent, "power": battery, "temperature": battery_celsius},
            "consumption": {"power": load},
            "inverter": {
                "temperature": celsius,
                "power": inverter,
                "output_voltage": output_volts,
                "output_frequency": output_hertz,
                "eps_power": 0,
            },
        },
        "today": {
            "solar": solar_today,
            "grid": {"import": import_today, "export": export_today},
            "battery": {"charge": charge_today, "discharge": discharge_today},
            "consumption": consumption_today,
            "ac_charge": ac_charge_today,
        },
        # Recorded: both battery totals always carry the same number, a fault of the real API.
        "total": {
            "solar": solar_total,
            "grid": {"import": import_total, "export": export_total},
            "battery": {"charge": battery_total, "discharge": battery_total},
            "consumption": consumption_total,
            "ac_charge": ac_charge_total,
        },
        "is_metered": True,
    }


def _whole(values: Floats) -> list[int]:
    return np.rint(values).astype(np.int64).tolist()  # type: ignore[no-any-return]


def _decimals(values: Floats, scale: int) -> list[float | int]:
    """Return numbers rounded to 1/scale; whole ones as integers, as the real API writes them."""
    return _scaled(np.rint(values * scale).astype(np.int64), scale)


def _scaled(values: Integers, scale: int) -> list[float | int]:
    return [v // scale if v % scale == 0 else v / scale for v in values.tolist()]
