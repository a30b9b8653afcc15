"""The gaps of `year.py`: what is planted in the simulator, and what must be named."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from simulator import Simulator
from tests.support.simulator_truth import days_between

AWAY = timedelta(days=3)
POINTS, FLOWS = "inverter_data_points", "energy_flows"
OPEN = ("failed", "partial", "forbidden", "not_requested")
Day = tuple[str, str, date]  # dataset, device, day


class Year:
    """What is planted, and what must be named."""

    def __init__(self, sim: Simulator, first: date, days: int) -> None:
        self.sim, self.first, self.last = sim, first, first + timedelta(days=days - 1)
        self.home, self.late, self.silent = sim.serials
        (self.gone,) = {d.serial for d in sim.devices if d.gone}
        self.gaps: dict[str, set[Day]] = {}

    def day(self, number: int) -> date:
        """Return a day by its number in a year of 365; a shorter year is squeezed."""
        return self.first + timedelta(days=number * ((self.last - self.first).days + 1) // 365)

    def gap(self, state: str, dataset: str, device: str, *days: date) -> None:
        """Note what is planted."""
        self.gaps.setdefault(state, set()).update((dataset, device, day) for day in days)

    def plant(self) -> None:
        """Plant all that lasts until the faults end."""
        self._plant_devices()
        sim = self.sim
        for day in days_between(self.day(40), self.day(42)):
            sim.fail(f"{self.home}/data-points/{day}", status=500)
            self.gap("failed", POINTS, self.home, day)
        day = self.day(60)
        half = sim.truth(self.home, day)
        meta = {"current_page": 1, "last_page": 1, "total": len(half)}
        body = json.dumps({"data": half[: len(half) // 2], "meta": meta}).encode()
        sim.override(f"{self.home}/data-points/{day}", body)
        self.gap("partial", POINTS, self.home, day)
        day = self.day(200)
        sim.fail(f"{self.late}/data-points/{day}", status=403)
        self.gap("forbidden", POINTS, self.late, day)
        for serial, number in ((self.home, 100), (self.silent, 150), (self.silent, 151)):
            sim.set_rows(serial, self.day(number), [])
            self.gap("empty", POINTS, serial, self.day(number))
        # Not over on the first evening; on the second it is empty for the first time.
        day = self.last - AWAY
        sim.set_rows(self.home, day, [])
        self.gap("provisional", POINTS, self.home, day)
        self._plant_rows()

    def _plant_devices(self) -> None:
        """Commission one later, silence one since summer, let one be gone."""
        account = str(self.sim.account["id"])
        listed = self.sim.truth_of("communication-device", account)
        for device in listed:
            inverter = device["inverter"] or {}
            if inverter.get("serial") == self.late:
                inverter["commission_date"] = f"{self.day(120)}T00:00:00Z"
                device["commission_date"] = inverter["commission_date"]
            for serial, number in ((self.silent, 300), (self.gone, 90)):
                if inverter.get("serial") == serial:
                    inverter["last_online"] = f"{self.day(number)}T12:00:00Z"
                    inverter["last_updated"] = inverter["last_online"]
        self.sim.set_listing("communication-device", account, listed)

    def _plant_rows(self) -> None:
        sim = self.sim
        # The inverter counts on while no point comes, and is off for as long: nothing is counted.
        points = sim.truth(self.home, self.day(25))
        sim.set_rows(self.home, self.day(25), without_hours(points, 10, 13))
        points = without_hours(sim.truth(self.home, self.day(20)), 1, 4)
        before = [p for p in points if p["time"] < f"{self.day(20)}T01"]
        for point in points[len(before) :]:
            point["total"] = {**point["total"], **before[-1]["total"]}
        sim.set_rows(self.home, self.day(20), points)
        points = sim.truth(self.home, self.day(70))
        for point in points[10:13]:
            point["power"]["battery"]["percent"] = 1_234
        for point in points[20:22]:
            point["status"] = "HIBERNATING"
        points[30]["heat_pump"] = 850
        sim.set_rows(self.home, self.day(70), points)

    def expected(self) -> dict[str, tuple[date, date]]:
        """Return from when to when each inverter can have data."""
        return {
            self.home: (self.first, self.last),
            self.late: (self.day(120), self.last),
            self.silent: (self.first, self.day(300)),
            self.gone: (self.first, self.day(90)),
        }


def without_hours(points: list[Any], start: int, end: int) -> list[Any]:
    """Leave out the points of some hours."""
    return [p for p in points if not f"T{start:02}" <= p["time"][10:13] < f"T{end:02}"]


def settle(year: Year) -> None:
    """Fill in what follows from the two evenings, dataset by dataset."""
    for serial, (first, last) in year.expected().items():
        if serial == year.gone:
            for dataset in (POINTS, FLOWS):
                year.gap("gone", dataset, serial, *days_between(first, last))
            continue
        # Flows were first asked for from the 31st day on.
        if first < year.day(30):
            asked_until = year.day(30) - timedelta(days=1)
            year.gap("not_requested", FLOWS, serial, *days_between(first, asked_until))
        for dataset, lateness in ((POINTS, 1), (FLOWS, 3)):
            open_since = year.last - timedelta(days=lateness)
            if last >= open_since:
                year.gap("provisional", dataset, serial, *days_between(open_since, last))


def gaps_planted(year: Year) -> Counter[tuple[str, str]]:
    """Count gaps by inverter and cause, from the rows that the simulator holds."""
    lacking = {day for state in OPEN for day in year.gaps.get(state, ())}
    found: Counter[tuple[str, str]] = Counter()
    for serial, (first, last) in year.expected().items():
        if serial == year.gone:
            continue
        before: tuple[datetime, Any, date] | None = None
        for day in days_between(first, last):
            if (POINTS, serial, day) in lacking:
                continue
            for point in year.sim.truth(serial, day):
                at = datetime.fromisoformat(point["time"])
                if before and at - before[0] > timedelta(minutes=30):
                    between = days_between(before[2], day)
                    if any((POINTS, serial, one) in lacking for one in between):
                        cause = "not_fetched"
                    else:
                        cause = "not_sent" if grown(before[1], point["total"]) else "device_off"
                    found[serial, cause] += 1
                before = (at, point["total"], day)
    return found


def grown(before: Any, after: Any) -> bool:
    """Tell whether a counter of energy grew between two points."""

    def growth(*names: str) -> float:
        first, last = before, after
        for name in names:
            first, last = first[name], last[name]
        return float(last) - float(first)

    counters = (("solar",), ("grid", "import"), ("grid", "export"))
    return any(growth(*names) > 0.01 for names in counters) or growth("consumption") > 0.101
