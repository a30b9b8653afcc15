"""CPU of the commands that people run, and whether each imported Dagster or pandera."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.common import (
    ROOT,
    counted,
    interleave,
    measure,
    median_and_least,
    print_table,
    simulator_process,
)
from benchmarks.peers.checkouts import givlake_of, owner_of_checkout
from benchmarks.peers.targets import BEFORE, NOW, Figures
from benchmarks.peers.tolerant import run_counted
from tests.support.owner import Owner

DAYS = 30
DATASETS = ("inverter_data_points", "energy_flows", "inverter_events")


def print_commands(against: Path | None, rounds: int) -> Figures:
    """Measure each command of each checkout on a filled folder, print and return CPU seconds."""
    checkouts = {NOW: ROOT, **({BEFORE: against} if against else {})}
    with filled_folders(checkouts) as (owners, span):
        commands: dict[str, tuple[str, ...]] = {
            "--help": ("--help",),
            'query "SELECT 1"': ("query", "SELECT 1"),
            "status": ("status",),
            "plan": ("plan", *span),
            "backfill, nothing to do": ("backfill", *span),
            "sync, nothing new": ("sync",),
        }
        kinds = {
            f"{name}\0{command}": partial(run_counted, checkout, arguments, owners[name])
            for command, arguments in commands.items()
            for name, checkout in checkouts.items()
        }
        found = interleave(kinds, rounds)
    print("## Commands\n")
    print(f"CPU of the whole command: median (least) of {counted(rounds)}.")
    print(f"{DAYS} days of an inverter are in the folder.\n")
    figures: dict[str, dict[str, float]] = {}
    rows = []
    for command in commands:
        cells = [command]
        for name in checkouts:
            cpu_s = [one.usage.cpu_s for one in found[f"{name}\0{command}"]]
            figures.setdefault(command, {})[name] = median(cpu_s)
            cells.append(median_and_least(cpu_s))
        rows.append([*cells, ", ".join(found[f"{NOW}\0{command}"][0].imported) or "neither"])
    print_table(("", *(f"{name}, CPU s" for name in checkouts), "imports now"), rows)
    return figures


@contextmanager
def filled_folders(
    checkouts: Mapping[str, Path],
) -> Iterator[tuple[dict[str, Owner], tuple[str, ...]]]:
    """Give owners whose folders each checkout has filled, and the options that name the days."""
    last = date.today() - timedelta(days=1)
    first = last - timedelta(days=DAYS - 1)
    span = ("--start", str(first), "--end", str(last))
    with (
        simulator_process(
            *("--inverters", 1, "--rows-per-day", 300, "--rate-limit", 100_000),
            *("--commissioned", first),
        ) as control,
        tempfile.TemporaryDirectory(prefix="commands-") as parent,
    ):
        owners = {
            name: owner_of_checkout(control, Path(parent) / name, checkout, *DATASETS)
            for name, checkout in checkouts.items()
        }
        for name, checkout in checkouts.items():
            for arguments in (("backfill", *span), ("sync",)):
                measure(givlake_of(checkout, *arguments), owners[name])
        yield owners, span
