"""Time an analyst's query beside the same rows in a DuckDB table: a month's energy by day.

    python -m benchmarks.stores.query [--inverters 2] [--days 730]
    python -m benchmarks.stores.query --against ../other-checkout

`givlake backfill` fills a data folder from the simulator, the other checkout's command another one.
Every client is a process of its own that asks several times; clients take turns. `givlake query` is
measured as a whole command.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.common import (
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
from tests.support.owner import Owner

DATASET = "inverter_data_points"
NATIVE, OURS = "DuckDB table", "givlake"
TIMES = 50
CLIENT = """
import duckdb, json, sys, time
path, sql, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
with duckdb.connect(path, read_only=True) as connection:
    connection.execute("SET TimeZone = 'UTC'")
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        rows = connection.execute(sql).fetchall()
        seconds.append(time.perf_counter() - start)
print(json.dumps([len(rows), seconds]))
"""


@dataclass(frozen=True, slots=True)
class Store:
    """A data folder filled by one checkout."""

    owner: Owner
    checkout: Path | None

    @property
    def catalogue(self) -> Path:
        """The DuckDB file with the views."""
        return self.owner.data / "warehouse.duckdb"


def query(last: date, days: int) -> str:
    """Return the query for a whole month in the middle of the days."""
    first = (last - timedelta(days=days // 2)).replace(day=1)
    end = (first + timedelta(days=31)).replace(day=1)
    return (
        "SELECT inverter_serial, date_trunc('day', time) AS day, max(today_solar_kwh) AS solar_kwh"
        f" FROM {DATASET} WHERE time >= '{first}' AND time < '{end}' GROUP BY ALL"
    )


def fill(options: argparse.Namespace, folder: Path, last: date) -> list[Store]:
    """Fill a data folder with each checkout's own command."""
    first = last - timedelta(days=options.days - 1)
    stores = []
    with simulator_process(
        *("--inverters", options.inverters, "--rows-per-day", options.rows_per_day),
        *("--rate-limit", 100_000, "--empty-day-rate", 0, "--commissioned", first),
    ) as control:
        checkouts = [None, options.against] if options.against else [None]
        for number, checkout in enumerate(checkouts):
            owner = owner_of(control, folder / str(number), DATASET, PYTHONPATH="")
            measure(
                [program("givlake", checkout), "backfill", "--start", first, "--end", last], owner
            )
            stores.append(Store(owner, checkout))
    return stores


def ask(store: Store, database: Path, sql: str) -> tuple[int, float, float]:
    """Let a client ask; returns rows, and ms of the first query and of the median further one."""
    command = [program("python", store.checkout), "-c", CLIENT, database, sql, TIMES]
    rows, seconds = json.loads(measure(command, store.owner).output)
    return rows, seconds[0] * 1e3, median(seconds[1:]) * 1e3


def givlake_query(store: Store, sql: str) -> Usage:
    """Run `givlake query` as a process of its own."""
    return measure([program("givlake", store.checkout), "query", sql], store.owner)


def main() -> None:
    """Fill the stores, let the clients ask, print Markdown."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--inverters", type=int, default=2, help="inverters")
    add("--days", type=int, default=730, help="days of each inverter")
    add("--rows-per-day", type=int, default=288, help="mean data points of a day")
    add("--rounds", type=int, default=5, help="how often each client is started")
    add("--against", type=Path, metavar="CHECKOUT", help="another checkout, with its own .venv")
    options = arguments.parse_args()
    last = date.today() - timedelta(days=10)
    sql = query(last, options.days)
    with tempfile.TemporaryDirectory(prefix="query-") as folder:
        stores = fill(options, Path(folder), last)
        names = {OURS: stores[0]} | {str(store.checkout): store for store in stores[1:]}
        native = Path(folder) / "native.duckdb"
        with duckdb.connect(str(native)) as connection:
            connection.execute(f"ATTACH '{stores[0].catalogue}' AS lake (READ_ONLY)")
            connection.execute(
                f"CREATE TABLE {DATASET} AS FROM lake.{DATASET} ORDER BY inverter_serial, time"
            )
            (rows,) = connection.execute(f"SELECT count(*) FROM {DATASET}").fetchone() or (0,)
        files = sum(1 for _ in stores[0].owner.data.glob(f"tables/{DATASET}/**/part-*.parquet"))
        print(f"{rows:,} rows in {files} files, {options.rounds} rounds\n")
        print_load()
        clients = {NATIVE: partial(ask, stores[0], native, sql)}
        clients |= {name: partial(ask, of, of.catalogue, sql) for name, of in names.items()}
        asked = interleave(clients, options.rounds)
        commands = {name: partial(givlake_query, of, sql) for name, of in names.items()}
        used = interleave(commands, options.rounds)
    if len({rows for runs in asked.values() for rows, *_ in runs}) != 1:
        raise SystemExit("The clients do not see the same number of rows.")
    report(asked, used)
    print_load()


def report(asked: dict[str, list[tuple[int, float, float]]], used: dict[str, list[Usage]]) -> None:
    """Print what the clients and the commands took, and ratios."""
    firsts = {name: [first for _, first, _ in runs] for name, runs in asked.items()}
    further = {name: [usual for *_, usual in runs] for name, runs in asked.items()}
    print_table(
        ("catalogue, read by DuckDB", "rows", "first ms", "median further ms"),
        [
            (name, runs[0][0], median_and_least(firsts[name]), median_and_least(further[name]))
            for name, runs in asked.items()
        ],
    )
    cpu_s = {name: [run.cpu_s for run in runs] for name, runs in used.items()}
    wall_s = {name: [run.wall_s for run in runs] for name, runs in used.items()}
    print_table(
        ("`givlake query`", "CPU s", "wall s"),
        [(name, median_and_least(cpu_s[name]), median_and_least(wall_s[name])) for name in used],
    )
    ratios = [(f"catalogue: {OURS} over {NATIVE}", *ratio(further[OURS], further[NATIVE]))]
    for other in list(used)[1:]:
        ratios.append((f"catalogue: {OURS} over {other}", *ratio(further[OURS], further[other])))
        ratios.append((f"`givlake query`, CPU: over {other}", *ratio(cpu_s[OURS], cpu_s[other])))
    print_table(("ratio", "median", "range"), ratios)


if __name__ == "__main__":
    main()
