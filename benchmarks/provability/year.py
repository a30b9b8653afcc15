"""Plant every kind of gap in a year of a home, and compare with what `givlake status` names.

    python -m benchmarks.provability.year FOLDER [--days 365]

Gaps are planted in the simulator; what `givlake status`, `coverage` and `gaps` name is compared day
by day. The commands run on two evenings, three days apart, as an empty day is confirmed only by a
second response a day later: the first evening has another clock. Then every fault ends, the
commands that `status` printed run literally, and what is missing is compared once more.

Leaves in FOLDER: `status.txt`, `year.svg`, `manifest.json`, and the output of each command. Ends
with 1 if anything differs.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.common import heading, new_folder, owner_of, parser, row
from benchmarks.provability.planted_year import (
    AWAY,
    FLOWS,
    OPEN,
    POINTS,
    Day,
    Year,
    gaps_planted,
    settle,
)
from simulator import Simulator, SimulatorConfig
from tests.support import clock
from tests.support.owner import CommandResult, Owner, finished
from tests.support.simulator_truth import days_between


def named_by_status(owner: Owner) -> tuple[set[tuple[str, Day]], CommandResult]:
    """Return the gaps that `status --format json` names, day by day."""
    done = owner.process("status", "--format", "json")
    found = set()
    for part in json.loads(done.out):
        for device in part.get("devices", ()):
            for gap in device["missing"]:
                span = (date.fromisoformat(gap[name]) for name in ("first", "last"))
                for day in days_between(*span):
                    found.add((gap["state"], (part["dataset"], device["device_id"], day)))
    return found, done


def named_by_coverage(owner: Owner) -> set[tuple[str, Day]]:
    """Return the days that the view `coverage` has as not complete."""
    rows = owner.sql(
        "SELECT state, dataset, device_id, request_date FROM coverage"
        " WHERE is_expected AND state <> 'complete'"
    )
    return {(row["state"], (row["dataset"], row["device_id"], row["request_date"])) for row in rows}


def commands_of(text: str) -> list[list[str]]:
    """Return the commands that `status` printed, as a person would paste them."""
    found = re.findall(r"Fix: givlake (.*)", text)
    return [shlex.split(line) for line in dict.fromkeys(found)]


class Run:
    """Commands of an owner, what they said, and what was wrong with it."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        self.folder, self.owner = folder, owner
        self.number = 0
        self.wrong: list[str] = []

    def givlake(self, *arguments: object, status: int = 0) -> CommandResult:
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
                f"givlake {words} ended with {done.status}, not {status}: {done.output}"
            )
        return done

    def compare(self, what: str, found: set[Any], planted: set[Any]) -> None:
        """Say what was planted and found, by kind."""
        for state in sorted({str(each[0]) for each in found | planted}):
            mine = {each for each in planted if each[0] == state}
            theirs = {each for each in found if each[0] == state}
            counts = (len(mine), len(mine & theirs), len(mine - theirs), len(theirs - mine))
            print(row(what, state, *(f"{count:,}" for count in counts)))
            for each in sorted(map(str, mine ^ theirs))[:5]:
                print("   differs:", each)
            if mine != theirs:
                self.wrong.append(f"{what}: {state} differs")


def year_of(sim: Simulator, folder: Path, first: date, days: int) -> list[str]:
    """Plant, fetch on two evenings, compare, repair, compare; returns what was wrong."""
    run = Run(folder, owner_of(sim, folder))
    year = Year(sim, first, days)
    year.plant()
    settle(year)
    with clock.at(datetime.now(UTC) - AWAY):
        # A little ahead, for the requests that name the present.
        sim.set_clock(datetime.now(UTC) + timedelta(minutes=30))
        others = ("ev_meter_readings", POINTS)
        run.givlake("backfill", *(w for name in others for w in ("--dataset", name)), status=1)
        run.givlake("backfill", "--start", year.day(30), status=1)
    sim.set_clock(None)
    run.givlake("sync", status=1)
    look(run, year)
    sim.clear_failures()
    for command in commands_of((folder / "status.txt").read_text()):
        run.givlake(*command)
    run.compare("`status` after its commands", named_by_status(run.owner)[0], set())
    run.givlake("status")
    return run.wrong


def look(run: Run, year: Year) -> None:
    """Compare everything that is said of the year with what was planted."""
    owner, folder = run.owner, run.folder
    print(heading("named by", "what", "planted", "named", "not named", "named besides"))
    planted = {(state, day) for state, days in year.gaps.items() for day in days}
    found, done = named_by_status(owner)
    run.compare("`status`", found, {one for one in planted if one[0] in OPEN})
    covered = {one for one in named_by_coverage(owner) if one[1][0] in (POINTS, FLOWS)}
    run.compare("`coverage`", covered, planted)
    counted = Counter[tuple[str, str]]()
    for each in owner.sql("SELECT inverter_serial, cause, count(*) AS n FROM gaps GROUP BY ALL"):
        counted[each["inverter_serial"], each["cause"]] = each["n"]
    wanted = gaps_planted(year)
    gaps = {(cause, serial, n) for (serial, cause), n in counted.items()}
    run.compare("`gaps`, inverters", gaps, {(c, s, n) for (s, c), n in wanted.items()})
    print("gaps:", dict(wanted))
    notes = next(part for part in json.loads(done.out) if part["dataset"] == POINTS)
    print("quarantined:", notes["quarantined"], "drift:", [d["field"] for d in notes["drift"]])
    (folder / "status.txt").write_text(owner.process("status").out)
    run.givlake("status", "--calendar", folder / "year.svg", status=1)
    run.givlake("status", "--gaps", status=1)
    run.givlake("verify", "--manifest", folder / "manifest.json")


def main() -> None:
    """Simulate a year and compare."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--days", type=int, default=365)
    options = arguments.parse_args()
    first = datetime.now(UTC).date() - timedelta(days=options.days - 1)
    config = SimulatorConfig(
        inverters=3,
        gateways=1,
        gone=1,
        ems=1,
        ev_chargers=1,
        smart_devices=1,
        seed=7,
        rate_limit=100_000,
        rows_per_day=144,
        ev_points_every_s=1800,
        smart_points_every_s=3600,
        meter_rows_every_s=3600,
        commissioned=first,
        empty_day_rate=0.0,
        ev_offline_rate=0.0,
    )
    with Simulator(config) as sim:
        wrong = year_of(sim, new_folder(options.folder), first, options.days)
    print(*(f"WRONG: {sentence}" for sentence in wrong), sep="\n")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
