"""A year of a home with every dataset, and each kind of hole in it: does `status` name just these?

    python benchmarks/provable_year.py FOLDER [--days 365]

Holes are planted in the simulator; what `givlake status`, `coverage` and `gaps` say is compared
day by day with what was planted. Two evenings, three days apart, as an empty day is believed only
when a second answer says so a day later: on the first evening the commands are given another clock
(`days_ago.c`, which needs Linux and a C compiler). Then every fault ends, the commands that
`status` printed are run as they stand there, and what is missing is compared once more.

Leaves in FOLDER, to be looked at: `status.txt`, `year.svg`, `manifest.json`, and what each command
said. Ends with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Done, Owner, finished
from tests.support.simulator_truth import days_between

AWAY = timedelta(days=3)
POINTS, FLOWS = "inverter_data_points", "energy_flows"
OPEN = ("failed", "partial", "forbidden", "not_requested")
Day = tuple[str, str, date]  # dataset, device, day


class Year:
    """What is planted, and what must be said of it."""

    def __init__(self, sim: Simulator, first: date, days: int) -> None:
        self.sim, self.first, self.last = sim, first, first + timedelta(days=days - 1)
        self.home, self.late, self.silent = sim.serials
        (self.gone,) = {d.serial for d in sim.devices if d.gone}
        self.gaps: dict[str, set[Day]] = {}

    def day(self, number: int) -> date:
        """Number days from 0; a shorter year is squeezed."""
        return self.first + timedelta(days=number * ((self.last - self.first).days + 1) // 365)

    def hole(self, state: str, dataset: str, device: str, *days: date) -> None:
        """Note what is planted."""
        self.gaps.setdefault(state, set()).update((dataset, device, day) for day in days)

    def plant(self) -> None:
        """All that lasts until the faults end."""
        self._plant_devices()
        sim = self.sim
        for day in days_between(self.day(40), self.day(42)):
            sim.fail(f"{self.home}/data-points/{day}", status=500)
            self.hole("failed", POINTS, self.home, day)
        day = self.day(60)
        half = sim.truth(self.home, day)
        meta = {"current_page": 1, "last_page": 1, "total": len(half)}
        body = json.dumps({"data": half[: len(half) // 2], "meta": meta}).encode()
        sim.override(f"{self.home}/data-points/{day}", body)
        self.hole("partial", POINTS, self.home, day)
        day = self.day(200)
        sim.fail(f"{self.late}/data-points/{day}", status=403)
        self.hole("forbidden", POINTS, self.late, day)
        for serial, number in ((self.home, 100), (self.silent, 150), (self.silent, 151)):
            sim.set_rows(serial, self.day(number), [])
            self.hole("empty", POINTS, serial, self.day(number))
        # Not over on the first evening; on the second it is empty for the first time.
        day = self.last - AWAY
        sim.set_rows(self.home, day, [])
        self.hole("provisional", POINTS, self.home, day)
        self._plant_rows()

    def _plant_devices(self) -> None:
        """One was commissioned later, one is silent since summer, one is not known any more."""
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
        """From when to when each inverter can have data."""
        return {
            self.home: (self.first, self.last),
            self.late: (self.day(120), self.last),
            self.silent: (self.first, self.day(300)),
            self.gone: (self.first, self.day(90)),
        }


def without_hours(points: list[Any], start: int, end: int) -> list[Any]:
    return [p for p in points if not f"T{start:02}" <= p["time"][10:13] < f"T{end:02}"]


def settle(year: Year) -> None:
    """Fill in what follows from the two evenings, dataset by dataset."""
    for serial, (first, last) in year.expected().items():
        if serial == year.gone:
            for dataset in (POINTS, FLOWS):
                year.hole("gone", dataset, serial, *days_between(first, last))
            continue
        # Flows were first asked for from the 31st day on.
        if first < year.day(30):
            asked_until = year.day(30) - timedelta(days=1)
            year.hole("not_requested", FLOWS, serial, *days_between(first, asked_until))
        for dataset, lateness in ((POINTS, 1), (FLOWS, 3)):
            open_since = year.last - timedelta(days=lateness)
            if last >= open_since:
                year.hole("provisional", dataset, serial, *days_between(open_since, last))


def said_by_status(owner: Owner) -> tuple[set[tuple[str, Day]], Done]:
    """Give the holes that `status --format json` names, day by day."""
    done = owner.process("status", "--format", "json")
    found = set()
    for part in json.loads(done.out):
        for device in part.get("devices", ()):
            for hole in device["missing"]:
                span = (date.fromisoformat(hole[name]) for name in ("first", "last"))
                for day in days_between(*span):
                    found.add((hole["state"], (part["dataset"], device["device_id"], day)))
    return found, done


def said_by_coverage(owner: Owner) -> set[tuple[str, Day]]:
    rows = owner.sql(
        "SELECT state, dataset, device_id, request_date FROM coverage"
        " WHERE is_expected AND state <> 'complete'"
    )
    return {(row["state"], (row["dataset"], row["device_id"], row["request_date"])) for row in rows}


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
    def growth(*names: str) -> float:
        first, last = before, after
        for name in names:
            first, last = first[name], last[name]
        return float(last) - float(first)

    counters = (("solar",), ("grid", "import"), ("grid", "export"))
    return any(growth(*names) > 0.01 for names in counters) or growth("consumption") > 0.101


def commands_of(text: str) -> list[list[str]]:
    """Take the commands out of what `status` printed, as a person would paste them."""
    lines = [line.split("Fix: ", 1)[1] for line in text.splitlines() if "Fix: " in line]
    return [shlex.split(line)[1:] for line in dict.fromkeys(lines)]


def clock_of_another_day(folder: Path, shift: timedelta) -> dict[str, str]:
    library = folder / "days_ago.so"
    source = Path(__file__).with_name("days_ago.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    seconds = str(int(shift.total_seconds()))
    return {"LD_PRELOAD": str(library), "CLOCK_SHIFT_S": seconds}


class Run:
    """Commands of an owner, what they said, and what was wrong with it."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        self.folder, self.owner = folder, owner
        self.number = 0
        self.wrong: list[str] = []

    def givlake(self, *arguments: object, status: int = 0) -> Done:
        """Run a command, keep what it said, and note an exit status that it must not have."""
        began = time.monotonic()
        done = finished(self.owner.start(*arguments), 1200)
        seconds = time.monotonic() - began
        words = " ".join(map(str, arguments))
        self.number += 1
        text = f"givlake {words}\n{done.status} after {seconds:.1f} s\n{done.out}\n{done.err}"
        (self.folder / f"said-{self.number:02}.txt").write_text(text)
        print(f"givlake {words}: {done.status} after {seconds:.1f} s", flush=True)
        if done.status != status:
            self.wrong.append(
                f"givlake {words} ended with {done.status}, not {status}: {done.said}"
            )
        return done

    def compare(self, what: str, found: set[Any], planted: set[Any]) -> None:
        """Say what was planted and found, by kind."""
        for state in sorted({str(one[0]) for one in found | planted}):
            mine = {one for one in planted if one[0] == state}
            theirs = {one for one in found if one[0] == state}
            print(
                f"| {what} | {state} | {len(mine):,} | {len(mine & theirs):,} |"
                f" {len(mine - theirs):,} | {len(theirs - mine):,} |"
            )
            for one in sorted(map(str, mine ^ theirs))[:5]:
                print("   differs:", one)
            if mine != theirs:
                self.wrong.append(f"{what}: {state} differs")


def year_of(sim: Simulator, folder: Path, first: date, days: int) -> list[str]:
    settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": ""}
    owner = Owner(folder, settings, token=sim.token)
    run = Run(folder, owner)
    year = Year(sim, first, days)
    year.plant()
    settle(year)
    # The first evening; a little ahead, for the requests that name the present.
    sim.set_clock(datetime.now(UTC) - AWAY + timedelta(minutes=30))
    owner.settings |= clock_of_another_day(folder, -AWAY)
    others = ("ev_meter_readings", POINTS)
    run.givlake("backfill", *(w for name in others for w in ("--dataset", name)), status=1)
    run.givlake("backfill", "--start", year.day(30), status=1)
    for name in ("LD_PRELOAD", "CLOCK_SHIFT_S"):
        del owner.settings[name]
    sim.set_clock(None)
    run.givlake("sync", status=1)
    look(run, year)
    sim.clear_failures()
    for command in commands_of((folder / "status.txt").read_text()):
        run.givlake(*command)
    found, _ = said_by_status(owner)
    run.compare("`status` after its commands", found, set())
    run.givlake("status")
    return run.wrong


def look(run: Run, year: Year) -> None:
    """Compare everything that is said of the year with what was planted."""
    owner, folder = run.owner, run.folder
    print("| said by | what | planted | named | not named | named besides |")
    print("|---|---|---|---|---|---|")
    planted = {(state, day) for state, days in year.gaps.items() for day in days}
    found, done = said_by_status(owner)
    run.compare("`status`", found, {one for one in planted if one[0] in OPEN})
    covered = {one for one in said_by_coverage(owner) if one[1][0] in (POINTS, FLOWS)}
    run.compare("`coverage`", covered, planted)
    counted = Counter[tuple[str, str]]()
    for row in owner.sql("SELECT inverter_serial, cause, count(*) AS n FROM gaps GROUP BY ALL"):
        counted[row["inverter_serial"], row["cause"]] = row["n"]
    wanted = gaps_planted(year)
    gaps = {(cause, serial, n) for (serial, cause), n in counted.items()}
    run.compare("`gaps`, inverters", gaps, {(c, s, n) for (s, c), n in wanted.items()})
    print("gaps:", dict(wanted))
    odd = json.loads(done.out)
    notes = next(part for part in odd if part["dataset"] == POINTS)
    print("quarantined:", notes["quarantined"], "drift:", [d["field"] for d in notes["drift"]])
    (folder / "status.txt").write_text(owner.process("status").out)
    run.givlake("status", "--picture", folder / "year.svg", status=1)
    run.givlake("status", "--gaps", status=1)
    run.givlake("verify", "--manifest", folder / "manifest.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=365)
    given = parser.parse_args()
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    first = datetime.now(UTC).date() - timedelta(days=given.days - 1)
    config = SimulatorConfig(
        inverters=3,
        gateways=1,
        gone=1,
        ems=1,
        ev_chargers=1,
        smart_devices=1,
        later_api=True,
        seed=7,
        rate_limit=1_000_000,
        rows_per_day=144,
        ev_points_every_s=1800,
        smart_points_every_s=3600,
        meter_rows_every_s=3600,
        commissioned=first,
        empty_day_rate=0.0,
        ev_offline_rate=0.0,
    )
    with Simulator(config) as sim:
        wrong = year_of(sim, given.folder.resolve(), first, given.days)
    for sentence in wrong:
        print("WRONG:", sentence)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
