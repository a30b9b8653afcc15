"""Work A by givlake and by each peer: CPU, wall, memory, requests and rows."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import requests

from benchmarks.common import (
    ROOT,
    Usage,
    counted,
    interleave,
    measure,
    median_and_least,
    print_table,
    ratio,
    simulator_process,
)
from benchmarks.peers.checkouts import givlake_of, owner_of_checkout
from benchmarks.peers.machine import child_pid, cpu_s_of_process
from benchmarks.peers.row_counts import rows_in_dlt, rows_in_parquet, rows_of_givlake
from benchmarks.peers.targets import BEFORE, NOW, Figures
from givenergy.codes import domain
from simulator.control import Control
from tests.support.owner import Owner

DATASETS = ("inverter_data_points", "energy_flows", "inverter_events", "ev_meter_readings")
CHARGER_DAYS = 14
BARE, EIGHT, CAREFUL, DLT, GIVLAKE, OLD = (
    "bare loop, 1 connection",
    "bare loop, 8 connections",
    "hand-written loop",
    "dlt into DuckDB",
    "givlake",
    "givlake before",
)
Command = Callable[[Owner, Path], list[object]]


@dataclass(frozen=True, slots=True)
class Result:
    """What one kind used and what it stored."""

    usage: Usage
    requests: int
    rows: dict[str, int]


def print_work(options: argparse.Namespace, dlt_python: Path | None) -> Figures:
    """Measure Work A at each latency, print figures and ratios, and return those with a target."""
    figures: dict[str, dict[str, float]] = {}
    with account(options.inverters, options.days) as (control, first, last):
        print_simulator_alone(control, first)
        work = what_to_fetch(control, first, last)
        kinds = kinds_of(control, work, options.against, dlt_python)
        for latency_s in options.latency:
            control.configure(latency_s=latency_s)
            print(f"## Work A, {latency_s * 1000:.0f} ms latency\n")
            print(
                f"{options.inverters} inverters x {options.days} days of points, flows and events;"
                f" a charger has data of the last {min(CHARGER_DAYS, options.days)} days, the rest"
                " is requested and empty. CPU and wall of the whole command: median (least) of"
                f" {counted(options.rounds)}; dlt of one.\n"
            )
            # One request after the other takes as long as there are requests: nothing to learn.
            chosen = {name: run for name, run in kinds.items() if not latency_s or name != BARE}
            once = {name: chosen.pop(name)() for name in (DLT,) if name in chosen}
            found = interleave(chosen, options.rounds)
            report(found | {name: [result] for name, result in once.items()})
            for kind, when in ((GIVLAKE, NOW), (OLD, BEFORE)):
                if kind in found:
                    for name, figure in figures_of(found, kind).items():
                        figures.setdefault(name, {})[when] = figure
    return figures


def figures_of(found: dict[str, list[Result]], kind: str) -> dict[str, float]:
    """Return the figures of a checkout that have a target, at one latency."""
    used = [one.usage for one in found[kind]]
    if BARE not in found:
        walls = zip(used, found[EIGHT], strict=True)
        return {"work_a_latency": median(one.wall_s / bare.usage.wall_s for one, bare in walls)}
    cpus = zip(used, found[BARE], strict=True)
    return {
        "work_a": median(one.cpu_s / bare.usage.cpu_s for one, bare in cpus),
        "peak": max(one.peak_bytes for one in used) / 1e6,
    }


@contextmanager
def account(inverters: int, days: int) -> Iterator[tuple[Control, date, date]]:
    """Run the simulator of Work A; give it with the first and the last day to fetch."""
    last = date.today() - timedelta(days=10)
    first = last - timedelta(days=days - 1)
    with simulator_process(
        *("--inverters", inverters, "--ev-chargers", 1, "--rows-per-day", 810),
        # The highest limit that givlake believes: it never waits.
        *("--rate-limit", 100_000, "--empty-day-rate", 0),
        *("--commissioned", commissioned_before(first)),
    ) as control:
        has_charger_data_since(control, last - timedelta(days=CHARGER_DAYS - 1))
        control.warm(first, last)
        yield control, first, last


def commissioned_before(first: date) -> date:
    """Return since when the inverters have events, which are requested of all their time."""
    return first - timedelta(days=400)


def has_charger_data_since(control: Control, day: date) -> None:
    """Let the chargers have data from a day on: they were offline before it."""
    back = datetime.combine(day, datetime.min.time(), UTC)
    for charger in control.about()["charger_uuids"]:
        control.take_offline(charger, since=back - timedelta(days=1000))
        control.bring_online(charger, at=back)


def print_simulator_alone(control: Control, day: date, count: int = 300) -> None:
    """Print how many requests the simulator serves and what each takes of its CPU."""
    about = control.about()
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {about['token']}"
    session.headers["Accept"] = "application/json"
    session.trust_env = False
    url = f"{about['base_url']}/inverter/{about['serials'][0]}/data-points/{day}?pageSize=100000"
    pid = child_pid()
    cpu_s, began = cpu_s_of_process(pid), time.monotonic()
    size = sum(len(session.get(url).content) for _ in range(count))
    wall_s, cpu_s = time.monotonic() - began, cpu_s_of_process(pid) - cpu_s
    print("## The simulator alone\n")
    print(
        f"{count} requests for a day of points over one connection, of {size / count / 1000:.0f} kB"
        f" each and not read: {count / wall_s:.0f} requests/s,"
        f" {cpu_s / count * 1000:.1f} ms of the simulator's CPU each. Its CPU is in no figure.\n"
    )


def what_to_fetch(control: Control, first: date, last: date) -> dict[str, object]:
    """Return what the peers are told, see `benchmarks.peers.work`."""
    about = control.about()
    return {
        "url": about["base_url"],
        "token": about["token"],
        "first": str(first),
        "last": str(last),
        "commissioned": str(commissioned_before(first) - timedelta(days=1)),
        "today": str(date.today() + timedelta(days=2)),
        "serials": about["serials"],
        "chargers": about["charger_uuids"],
        "measurands": [int(code.code) for code in domain("measurand")],
        "meters": [int(code.code) for code in domain("ev_meter")],
    }


def kinds_of(
    control: Control, work: dict[str, object], against: Path | None, dlt_python: Path | None
) -> dict[str, Callable[[], Result]]:
    """Return what measures each kind."""
    modules = "benchmarks.peers.bare", "benchmarks.peers.handwritten"

    def loop(module: str, *options: object) -> Command:
        return lambda owner, file: [sys.executable, "-m", module, file, owner.data, *options]

    def with_dlt(owner: Owner, file: Path) -> list[object]:
        return [dlt_python, "-m", "benchmarks.peers.dlt_pipeline", file, owner.data]

    def givlake(checkout: Path) -> Command:
        span = ("--start", work["first"], "--end", work["last"])
        return lambda *_: givlake_of(checkout, "backfill", *span)

    of = partial(run, control, work)
    kinds: dict[str, Callable[[], Result]] = {
        BARE: partial(of, loop(modules[0], 1), rows_in_parquet),
        EIGHT: partial(of, loop(modules[0], 8), rows_in_parquet),
        CAREFUL: partial(of, loop(modules[1]), rows_in_parquet),
        GIVLAKE: partial(of, givlake(ROOT), rows_of_givlake),
    }
    if dlt_python:
        kinds[DLT] = partial(of, with_dlt, rows_in_dlt)
    if against:
        kinds[OLD] = partial(of, givlake(against), rows_of_givlake, against)
    return kinds


def run(
    control: Control,
    work: dict[str, object],
    command: Command,
    count_rows: Callable[[Path], dict[str, int]],
    checkout: Path = ROOT,
) -> Result:
    """Run the command of a kind in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        owner = owner_of_checkout(control, Path(folder), checkout, *DATASETS)
        owner.data.mkdir()
        file = Path(folder) / "work.json"
        file.write_text(json.dumps(work))
        control.clear_requests()
        used = measure(command(owner, file), owner)
        return Result(used, len(control.requests()), count_rows(owner.data))


def report(found: dict[str, list[Result]]) -> None:
    """Print figures and ratios.

    Raises:
        SystemExit: The kinds do not have the same rows.
    """
    cpu_s = {kind: [one.usage.cpu_s for one in results] for kind, results in found.items()}
    wall_s = {kind: [one.usage.wall_s for one in results] for kind, results in found.items()}
    least = BARE if BARE in found else EIGHT
    rows = []
    for kind, results in found.items():
        rounds = len(results)
        rows.append([
            kind,
            median_and_least(cpu_s[kind]),
            ratio(cpu_s[kind], cpu_s[least][:rounds])[0],
            median_and_least(wall_s[kind]),
            ratio(wall_s[kind], wall_s[EIGHT][:rounds])[0],
            f"{max(one.usage.peak_bytes for one in results) / 1e6:.0f}",
            results[0].requests,
            f"{sum(results[0].rows.values()):,}",
        ])  # fmt: skip
    over = "1 connection" if least == BARE else "8 connections"
    names = (f"CPU over {over}", "wall s", "wall over 8 connections", "peak MB", "requests", "rows")
    print_table(("", "CPU s", *names), rows)
    expected = found[least][0].rows
    for kind, results in found.items():
        for one in results:
            if one.rows != expected:
                raise SystemExit(f"{kind} has other rows: {one.rows}, not {expected}")
    print(
        f"All received the same rows: {', '.join(f'{n:,} {name}' for name, n in expected.items())}."
        " givlake stores each once, or in quarantine.\n"
    )
