"""CPU of the commands that people run, and whether each imported Dagster or pandera."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from benchmarks.common import (
    ROOT,
    interleave,
    median_and_least,
    owner_of,
    print_table,
    simulator_process,
)
from benchmarks.peers.tolerant import Used, run_counted
from tests.support.owner import Owner

DAYS = 30
DATASETS = ("inverter_data_points", "energy_flows", "inverter_events")


def print_commands(against: Path | None, rounds: int) -> None:
    """Fill a folder for each checkout, then measure each command and print a table."""
    last = date.today() - timedelta(days=1)
    first = last - timedelta(days=DAYS - 1)
    span = ("--start", str(first), "--end", str(last))
    commands: dict[str, tuple[str, ...]] = {
        "--help": ("--help",),
        'query "SELECT 1"': ("query", "SELECT 1"),
        "status": ("status",),
        "plan": ("plan", *span),
        "backfill, nothing to do": ("backfill", *span),
        "sync, nothing new": ("sync",),
    }
    checkouts = {"givlake": ROOT, **({"before": against} if against else {})}
    with (
        simulator_process(
            *("--inverters", 1, "--rows-per-day", 300, "--rate-limit", 1_000_000),
            *("--commissioned", first),
        ) as control,
        tempfile.TemporaryDirectory(prefix="commands-") as folder,
    ):
        owners: dict[str, Owner] = {}
        for name, checkout in checkouts.items():
            owners[name] = owner_of(
                control,
                Path(folder) / name,
                *DATASETS,
                PYTHONPATH=str(checkout),
                PYTHONDONTWRITEBYTECODE="",
            )
            for first_run in (("backfill", *span), ("sync",)):
                run_counted(checkout, first_run, owners[name])
        kinds = {
            f"{name}\0{command}": partial(run_counted, checkout, arguments, owners[name])
            for command, arguments in commands.items()
            for name, checkout in checkouts.items()
        }
        found = interleave(kinds, rounds)
    print("## Commands\n")
    print(f"CPU seconds of the whole command, median (least); {DAYS} days of one inverter.\n")
    rows = [[command, *cells(found, command, list(checkouts))] for command in commands]
    print_table(("", *(f"{name}, CPU s" for name in checkouts), "imports"), rows)


def cells(found: dict[str, list[Used]], command: str, checkouts: list[str]) -> list[str]:
    """Return the cells of a command: each checkout's CPU, and what givlake's imported."""
    times = [
        median_and_least([one.cpu_s for one in found[f"{name}\0{command}"]]) for name in checkouts
    ]
    return [*times, ", ".join(found[f"givlake\0{command}"][0].imported) or "neither"]
