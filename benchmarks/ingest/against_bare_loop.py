"""Compare ingestion with a bare fetch-and-write loop: CPU, wall, memory and requests.

    python -m benchmarks.ingest.against_bare_loop --days 149 --latency 0 0.05
    python -m benchmarks.ingest.against_bare_loop --inverters 2 --against ../other-checkout

Every measurement is a process of its own with an empty folder, against one simulator process whose
responses are made beforehand. The kinds take turns; ratios are made within a round.

- bare loop: `bare_loop.py`, with as many threads, without archive and validation.
- without Dagster: the work alone, `without_dagster.py`.
- givlake: the command `givlake backfill`.
- CHECKOUT: the same command of another checkout, in that checkout's `.venv`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.common import (
    ROOT,
    Usage,
    interleave,
    measure,
    median_and_least,
    owner_of,
    parser,
    print_load,
    print_table,
    program,
    ratio,
    simulator_process,
)
from simulator.control import Control
from tests.support.owner import Owner

DATASET = "inverter_data_points"
BARE, WORK, WHOLE = "bare loop", "without Dagster", "givlake"
IMPORTS = {
    BARE: "benchmarks.ingest.bare_loop",
    WORK: "benchmarks.ingest.without_dagster",
    WHOLE: "pipelines.cli.givlake_command, pipelines.cli.runs",
}


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What one ingestion used and what it stored."""

    usage: Usage
    requests: int
    rows: int
    quarantined: int
    bytes: int
    files: int


def ingest(
    control: Control, command: Callable[[Owner], list[object]], pythonpath: str
) -> Ingestion:
    """Run a command in an empty folder; `command` makes it for the folder's owner."""
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        owner = owner_of(control, Path(folder), DATASET, PYTHONPATH=pythonpath)
        owner.data.mkdir()
        control.clear_requests()
        usage = measure(command(owner), owner)
        requests = len(control.requests())
        files = list(owner.data.glob(f"tables/{DATASET}/**/part-*.parquet"))
        files += owner.data.glob("part-*.parquet")
        accounts = list(owner.data.glob(f"index/row_accounting/{DATASET}/part-*.parquet"))
        return Ingestion(
            usage,
            requests,
            count("count(*)", files),
            count("coalesce(sum(quarantined), 0)", accounts),
            sum(path.stat().st_size for path in files),
            len(files),
        )


def count(expression: str, files: list[Path]) -> int:
    """Compute an expression over Parquet files, by DuckDB alone."""
    if not files:
        return 0
    sql = f"SELECT {expression} FROM read_parquet(?, hive_partitioning = false)"
    (value,) = duckdb.execute(sql, [list(map(str, files))]).fetchone() or (0,)
    return int(value)


def commands(options: argparse.Namespace, control: Control) -> dict[str, Callable[[], Ingestion]]:
    """Return what measures each kind."""
    about = control.about()
    serials = [one["serial"] for one in about["devices"] if one["inverter"] == "present"]
    first, last = span(options)
    address = (about["base_url"], about["token"])
    backfill = ("backfill", "--start", first, "--end", last)

    def module(name: str) -> list[object]:
        return [sys.executable, "-m", name]

    def bare(owner: Owner) -> list[object]:
        return [*module(IMPORTS[BARE]), *address, owner.data, first, last, *serials]

    def work(_: Owner) -> list[object]:
        return [*module(IMPORTS[WORK]), first, last]

    def whole(_: Owner, checkout: Path | None = None) -> list[object]:
        return [program("givlake", checkout), *backfill]

    kinds: dict[str, Callable[[], Ingestion]] = {
        BARE: partial(ingest, control, bare, str(ROOT)),
        WORK: partial(ingest, control, work, str(ROOT)),
        WHOLE: partial(ingest, control, whole, ""),
    }
    if options.against:
        other = partial(whole, checkout=options.against)
        kinds[str(options.against)] = partial(ingest, control, other, "")
    return kinds


def span(options: argparse.Namespace) -> tuple[date, date]:
    """Return the first and the last day, which are over."""
    last = date.today() - timedelta(days=10)
    return last - timedelta(days=options.days - 1), last


def imports_s(kind: str) -> list[float]:
    """Return CPU seconds of importing what a kind needs, the interpreter's start included."""
    with tempfile.TemporaryDirectory() as folder:
        owner = Owner(Path(folder), {"PYTHONPATH": str(ROOT)}, token=None)
        command = [sys.executable, "-c", f"import {IMPORTS[kind]}"]
        return [measure(command, owner).cpu_s for _ in range(3)]


def report(found: dict[str, list[Ingestion]], imports: dict[str, float]) -> None:
    """Print figures and ratios.

    Raises:
        SystemExit: Rows are neither in the table nor in quarantine.
    """
    rows = []
    for kind, runs in found.items():
        first = runs[0]
        rows.append([
            kind,
            median_and_least([run.usage.cpu_s for run in runs]),
            median_and_least([run.usage.wall_s for run in runs]),
            f"{max(run.usage.peak_bytes for run in runs) / 1e6:.0f}",
            first.requests,
            f"{first.rows:,}",
            first.quarantined,
            f"{first.bytes / 1e6:.1f} in {first.files}",
        ])  # fmt: skip
    names = ("CPU s", "wall s", "peak MB", "requests", "rows", "quarantined", "MB in files")
    print_table(("", *names), rows)
    cpu_s = {kind: [run.usage.cpu_s for run in runs] for kind, runs in found.items()}
    wall_s = {kind: [run.usage.wall_s for run in runs] for kind, runs in found.items()}
    apart = {kind: [seconds - imports[kind] for seconds in cpu_s[kind]] for kind in (BARE, WORK)}
    ratios = [
        [f"{WORK} over {BARE}, CPU without imports", *ratio(apart[WORK], apart[BARE])],
        [f"{WORK} over {BARE}, wall", *ratio(wall_s[WORK], wall_s[BARE])],
        [f"{WHOLE} over {BARE}, CPU", *ratio(cpu_s[WHOLE], cpu_s[BARE])],
        [f"{WHOLE} over {BARE}, wall", *ratio(wall_s[WHOLE], wall_s[BARE])],
    ]
    for other in found.keys() - {BARE, WORK, WHOLE}:
        ratios.append([f"{WHOLE} over {other}, CPU", *ratio(cpu_s[WHOLE], cpu_s[other])])
        ratios.append([f"{WHOLE} over {other}, wall", *ratio(wall_s[WHOLE], wall_s[other])])
    print_table(("ratio", "median", "range"), ratios)
    counts = {kind: runs[0].rows + runs[0].quarantined for kind, runs in found.items()}
    if len(set(counts.values())) != 1:
        raise SystemExit(f"Rows are lost or doubled: {counts}")


def main() -> None:
    """Measure and print Markdown."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--days", type=int, default=60, help="days of each inverter")
    add("--inverters", type=int, default=3, help="inverters")
    add("--rows-per-day", type=int, default=810, help="mean data points of a day")
    add("--latency", type=float, nargs="+", default=[0.0], help="s that a response takes")
    add("--rounds", type=int, default=3, help="how often each kind is measured")
    add("--against", type=Path, metavar="CHECKOUT", help="another checkout, with its own .venv")
    options = arguments.parse_args()
    print(f"{options.inverters} inverters x {options.days} days, {options.rounds} rounds\n")
    print_load()
    found = {kind: imports_s(kind) for kind in IMPORTS}
    print_table(("imports", "CPU s"), [(kind, median_and_least(s)) for kind, s in found.items()])
    imports = {kind: median(seconds) for kind, seconds in found.items()}
    first, last = span(options)
    with simulator_process(
        *("--inverters", options.inverters, "--rows-per-day", options.rows_per_day),
        *("--rate-limit", 100_000, "--empty-day-rate", 0),
        *("--commissioned", first - timedelta(days=400)),
    ) as control:
        control.warm(first, last)
        for latency_s in options.latency:
            control.configure(latency_s=latency_s)
            print(f"Latency {latency_s * 1000:.0f} ms\n")
            report(interleave(commands(options, control), options.rounds), imports)
    print_load()


if __name__ == "__main__":
    main()
