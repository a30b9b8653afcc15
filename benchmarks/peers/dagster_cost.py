"""What Dagster costs per day and dataset: the slope of two ranges, with it minus without it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from benchmarks.common import (
    ROOT,
    Usage,
    counted,
    interleave,
    measure,
    median_and_least,
    print_table,
    simulator_process,
)
from benchmarks.peers.checkouts import givlake_of, owner_of_checkout, python_of
from benchmarks.peers.slopes import per_unit
from benchmarks.peers.targets import BEFORE, NOW, Figures
from simulator.control import Control

DATASET = "inverter_data_points"
RANGES = (20, 180)
WITH, WITHOUT = "givlake backfill", "the same work without Dagster"


def print_dagster_cost(against: Path | None, rounds: int, ranges: Sequence[int]) -> Figures:
    """Print CPU of both ranges, with and without Dagster; return what Dagster adds per day, ms."""
    last = date.today() - timedelta(days=10)
    first = last - timedelta(days=max(ranges) - 1)
    checkouts = {NOW: ROOT, **({BEFORE: against} if against else {})}
    with simulator_process(
        # Few points a day: Dagster's part does not depend on them, and their decoding varies.
        *("--inverters", 1, "--rows-per-day", 24, "--rate-limit", 100_000),
        *("--empty-day-rate", 0, "--commissioned", first - timedelta(days=30)),
    ) as control:
        control.warm(first, last)
        kinds = {
            f"{kind}, {name}\0{days}": partial(run, control, checkout, kind, last, days)
            for days in ranges
            for name, checkout in checkouts.items()
            for kind in (WITH, WITHOUT)
        }
        found = interleave(kinds, rounds)
    cpu_s = {kind: [one.cpu_s for one in used] for kind, used in found.items()}
    print("## Dagster per day and dataset\n")
    print(
        "Data points of an inverter, 24 a day, CPU of the whole command, median (least) of"
        f" {counted(rounds)}. Imports and the start are in both ranges alike and not in the slope;"
        " the difference of the slopes, made of the least, has all that the command does per day"
        " besides fetching and building.\n"
    )
    names = [f"{kind}, {name}" for name in checkouts for kind in (WITH, WITHOUT)]
    print_table(
        ("CPU s", *(f"{days} days" for days in ranges), "per day"),
        [
            [
                name,
                *(median_and_least(cpu_s[f"{name}\0{days}"]) for days in ranges),
                f"{ms_per_day(cpu_s, name, ranges):.1f} ms",
            ]
            for name in names
        ],
    )
    added = {
        name: ms_per_day(cpu_s, f"{WITH}, {name}", ranges)
        - ms_per_day(cpu_s, f"{WITHOUT}, {name}", ranges)
        for name in checkouts
    }
    figures = ", ".join(f"**{ms:.1f} ms** {name}" for name, ms in added.items())
    print(f"Dagster adds per day and dataset: {figures}.\n")
    return {"dagster": added}


def ms_per_day(cpu_s: Mapping[str, Sequence[float]], name: str, ranges: Sequence[int]) -> float:
    """Return the slope of the least of a kind: load only adds, more than a day costs."""
    return per_unit(ranges, [min(cpu_s[f"{name}\0{days}"]) for days in ranges]) * 1000


def run(control: Control, checkout: Path, kind: str, last: date, days: int) -> Usage:
    """Fetch a range into an empty folder."""
    first = last - timedelta(days=days - 1)
    commands = {
        WITH: givlake_of(checkout, "backfill", "--start", first, "--end", last),
        WITHOUT: [python_of(checkout), "-m", "benchmarks.ingest.without_dagster", first, last],
    }
    with tempfile.TemporaryDirectory(prefix="dagster-") as folder:
        owner = owner_of_checkout(control, Path(folder), checkout, DATASET)
        return measure(commands[kind], owner)
