"""An analyst's query beside the same rows in a DuckDB table: daily energy of one month.

    PYTHONPATH=benchmarks:. python benchmarks/stores_query.py FOLDER [--devices 5] [--years 5]

Made as in `stores_fleet`: 288 points a day, archived and built by the stores. Each client is a
process of its own, as an analyst's is; the first query of it is given, and the median of the
further ones.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import duckdb
from stores_fleet import START, archive_fleet, build_fleet

_TIMES = 50


def query(year: int) -> str:
    """Ask for what each inverter counted on each day of a month."""
    return (
        "SELECT inverter, date_trunc('day', time) AS day, max(measure_01) AS kwh"
        f" FROM points WHERE time >= '{year}-03-01' AND time < '{year}-04-01' GROUP BY ALL"
    )


def timed(path: Path, sql: str, answers: multiprocessing.SimpleQueue) -> None:
    """Open a database and run the query again and again."""
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        seconds = []
        for _ in range(_TIMES):
            start = time.perf_counter()
            rows = len(connection.execute(sql).fetchall())
            seconds.append(time.perf_counter() - start)
    answers.put((rows, seconds[0], median(seconds[1:])))


def main() -> None:
    """Make the stores if they are not there, then ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--devices", type=int, default=5)
    parser.add_argument("--years", type=int, default=5)
    arguments = parser.parse_args()
    catalogue = arguments.folder / "warehouse.duckdb"
    if not catalogue.exists():
        print(archive_fleet(arguments.folder, arguments.devices, arguments.years * 365, 288))
        print(build_fleet(arguments.folder))
    native = arguments.folder.with_suffix(".native.duckdb")
    if not native.exists():
        with duckdb.connect(str(native)) as connection:
            connection.execute(f"ATTACH '{catalogue}' AS lake (READ_ONLY)")
            connection.execute("CREATE TABLE points AS FROM lake.points ORDER BY inverter, time")
    sql = query((START + timedelta(days=arguments.years * 365 // 2)).year)
    files = sum(1 for _ in (arguments.folder / "tables").rglob("part-*.parquet"))
    print(f"{files} files\n| client | rows | first ms | median ms |\n|---|---|---|---|")
    spawn = multiprocessing.get_context("spawn")
    for name, path in (("DuckDB table", native), ("givlake's catalogue", catalogue)):
        answers = spawn.SimpleQueue()
        process = spawn.Process(target=timed, args=(path, sql, answers))
        process.start()
        rows, first, usual = answers.get()
        process.join()
        print(f"| {name} | {rows} | {first * 1e3:.0f} | {usual * 1e3:.1f} |")


if __name__ == "__main__":
    main()
