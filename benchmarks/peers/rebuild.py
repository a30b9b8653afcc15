"""Rebuilding 447 device-days from the archive against fetching them at the limit of requests."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

from benchmarks.common import ROOT, measure, print_table, simulator_process
from benchmarks.peers.checkouts import givlake_of, owner_of_checkout
from benchmarks.peers.targets import NOW, Figures

DATASET = "inverter_data_points"
DAYS, INVERTERS = 149, 3
REQUESTS_PER_MINUTE = 300


def print_rebuild(days: int) -> Figures:
    """Print and return how much faster a rebuild is than the limit of requests allows."""
    last = date.today() - timedelta(days=10)
    first = last - timedelta(days=days - 1)
    device_days = days * INVERTERS
    with (
        simulator_process(
            *("--inverters", INVERTERS, "--rows-per-day", 810, "--rate-limit", 100_000),
            *("--empty-day-rate", 0, "--commissioned", first - timedelta(days=30)),
        ) as control,
        tempfile.TemporaryDirectory(prefix="rebuild-") as folder,
    ):
        control.warm(first, last)
        owner = owner_of_checkout(control, Path(folder), ROOT, DATASET)
        filled = measure(givlake_of(ROOT, "backfill", "--start", first, "--end", last), owner)
        rebuilt = measure(givlake_of(ROOT, "rebuild"), owner)
    fetch_s = device_days / REQUESTS_PER_MINUTE * 60
    print("## Rebuild\n")
    print(f"{device_days} device-days of data points, 810 points a day, no latency, one run.\n")
    figures = [
        [name, f"{one.cpu_s:.1f}", f"{one.wall_s:.1f}", f"{one.peak_bytes / 1e6:.0f}"]
        for name, one in (("backfill", filled), ("rebuild", rebuilt))
    ]
    print_table(("", "CPU s", "wall s", "peak MB"), figures)
    print(
        f"{REQUESTS_PER_MINUTE} requests a minute fetch them in {fetch_s:.0f} s: the rebuild is"
        f" **{fetch_s / rebuilt.wall_s:.1f} times** as fast.\n"
    )
    return {
        "peak_long": {NOW: filled.peak_bytes / 1e6},
        "rebuild": {NOW: fetch_s / rebuilt.wall_s},
    }
