"""Rebuilding 447 device-days from the archive against fetching them; what Dagster costs."""

from __future__ import annotations

import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

from benchmarks.common import ROOT, measure, owner_of, print_table, simulator_process

DATASET = "inverter_data_points"
DAYS, INVERTERS = 149, 3
REQUESTS_PER_MINUTE = 300


def print_rebuild_and_dagster() -> None:
    """Print how much faster a rebuild is than the limit allows, and Dagster's part."""
    last = date.today() - timedelta(days=10)
    first = last - timedelta(days=DAYS - 1)
    givlake = [sys.executable, "-m", "pipelines.cli"]
    bare_work = [sys.executable, "-m", "benchmarks.ingest.without_dagster", first, last]
    device_days = DAYS * INVERTERS
    with (
        simulator_process(
            *("--inverters", INVERTERS, "--rows-per-day", 810, "--rate-limit", 1_000_000),
            *("--empty-day-rate", 0, "--commissioned", first - timedelta(days=30)),
        ) as control,
        tempfile.TemporaryDirectory(prefix="rebuild-") as folder,
    ):
        control.warm(first, last)
        owners = [
            owner_of(
                control,
                Path(folder) / name,
                DATASET,
                PYTHONPATH=str(ROOT),
                PYTHONDONTWRITEBYTECODE="",
            )
            for name in ("with", "without")
        ]
        whole = measure([*givlake, "backfill", "--start", first, "--end", last], owners[0])
        work = measure(bare_work, owners[1])
        rebuilt = measure([*givlake, "rebuild"], owners[0])
    fetch_s = device_days / REQUESTS_PER_MINUTE * 60
    print("## Rebuild and Dagster\n")
    print(f"{device_days} device-days of data points, no latency, one run.\n")
    difference = (whole.cpu_s - work.cpu_s) / device_days * 1000
    print_table(
        ("", "figure"),
        [
            ["backfill, CPU s", f"{whole.cpu_s:.1f}"],
            ["the same without Dagster, CPU s", f"{work.cpu_s:.1f}"],
            [
                "Dagster and the command, imports included, per day and dataset",
                f"{difference:.1f} ms",
            ],
            ["backfill, peak MB", f"{whole.peak_bytes / 1e6:.0f}"],
            ["rebuild, wall s", f"{rebuilt.wall_s:.1f}"],
            [f"at {REQUESTS_PER_MINUTE} requests a minute, s", f"{fetch_s:.1f}"],
            ["rebuild is faster by", f"{fetch_s / rebuilt.wall_s:.1f} x"],
        ],
    )
