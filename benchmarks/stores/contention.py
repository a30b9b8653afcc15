"""Let writers, a rebuilder, a compactor and readers of several kinds work on the same months.

    python -m benchmarks.stores.contention FOLDER [--seconds 120] [--old-duckdb PYTHON ...]

Readers check at every read that each device-day is absent or exactly one response, and that counts
never fall. `--old-duckdb` names interpreters with other versions of DuckDB, `--polars` one with
Polars. With `--open-for-writing` a client holds the catalogue as the `duckdb` command line does by
default, which locks other DuckDB clients out of it; givlake's own readers take their place.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from pathlib import Path

from benchmarks.common import ROOT, heading, new_folder, parser, print_load, row
from tests.support.stores_worker import POINTS, whole_day
from tests.support.toy_decoder import ToyDecoder
from warehouse.catalogue import publish
from warehouse.coverage import refresh_coverage
from warehouse.lake import Lake
from warehouse.tables.build import build

CHECK = """
import sys, time
folder, seconds = sys.argv[1], float(sys.argv[2])
{prepare}
end, reads, errors, wrong, seen = time.monotonic() + seconds, 0, 0, 0, 0
while time.monotonic() < end:
    try:
        count, broken = {read}
    except BaseException as error:  # Polars panics
        errors += 1
        if errors < 4:
            print(type(error).__name__, str(error)[:200], file=sys.stderr)
        continue
    wrong += bool(broken) or count < seen
    seen = count
    reads += 1
print(reads, errors, wrong)
"""
SQL = (
    f"SELECT count(*), sum(n), count(*) FILTER (n <> {POINTS} OR r <> 1) FROM (SELECT count(*) n,"
    " count(DISTINCT response_id) AS r FROM readings GROUP BY meter, request_date)"
)
DUCKDB = CHECK.format(
    prepare=f"""
import duckdb
def look(c):
    _, count, broken = c.execute({SQL!r}).fetchone()
    return count or 0, broken
def again():
    with duckdb.connect(folder + "/warehouse.duckdb", read_only=True) as c:
        return look(c)
""",
    read="again()",
)
LEFT_OPEN = DUCKDB.replace(
    "end, reads",
    "kept = duckdb.connect(folder + '/warehouse.duckdb', read_only=True)\nend, reads",
    1,
).replace("= again()", "= look(kept)")
PANDAS = CHECK.format(
    prepare=f"""
import pandas as pd
def look():
    frame = pd.read_parquet(folder + "/tables/readings", columns=["meter", "request_date",
                            "response_id"])
    days = frame.groupby(["meter", "request_date"])["response_id"].agg(["size", "nunique"])
    return len(frame), int(((days["size"] != {POINTS}) | (days["nunique"] != 1)).sum())
""",
    read="look()",
)
CACHED = LEFT_OPEN.replace(
    "read_only=True)\nend",
    "read_only=True)\nkept.execute('SET parquet_metadata_cache = true')\nend",
)
ARROW = CHECK.format(
    prepare=f"""
import pyarrow.dataset as ds
def look():
    table = ds.dataset(folder + "/tables/readings", partitioning="hive").to_table(
        ["meter", "request_date", "response_id"])
    days = table.group_by(["meter", "request_date"]).aggregate(
        [([], "count_all"), ("response_id", "count_distinct")]).to_pylist()
    return table.num_rows, sum(
        day["count_all"] != {POINTS} or day["response_id_count_distinct"] != 1 for day in days)
""",
    read="look()",
)
POLARS = CHECK.format(
    prepare=f"""
import polars as pl
def look():
    frame = pl.scan_parquet(folder + "/tables/readings/month=*/part-*.parquet").select(
        "meter", "request_date", "response_id").collect()
    days = frame.group_by("meter", "request_date").agg(
        pl.len().alias("size"), pl.col("response_id").n_unique().alias("ids"))
    return frame.height, days.filter((pl.col("size") != {POINTS}) | (pl.col("ids") != 1)).height
""",
    read="look()",
)
OWN = CHECK.format(
    prepare=f"""
from warehouse.connection import connect, execute
from warehouse.lake import Lake
lake = Lake(folder)
def look():
    with connect(lake) as c:
        _, count, broken = execute(c, {SQL!r}).fetchone()
        return count or 0, broken
""",
    read="look()",
)
HOLD = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1] + "/warehouse.duckdb")
connection.execute("SELECT count(*) FROM readings")
time.sleep(float(sys.argv[2]))
print(1, 0, 0)
"""


def readers_of(options: argparse.Namespace) -> dict[str, list[str]]:
    """Return the commands of the readers by name."""
    ours = {
        "DuckDB, opened for each read": DUCKDB,
        "DuckDB, left open": LEFT_OPEN,
        "DuckDB, left open, with a cache of footers": CACHED,
        "Arrow's datasets": ARROW,
        "pandas on the Parquet files": PANDAS,
    }
    if options.open_for_writing:
        ours = {name: code for name, code in ours.items() if not name.startswith("DuckDB")}
        ours |= {"givlake's own, catalogue locked": OWN, "DuckDB, left open for writing": HOLD}
        options.old_duckdb = []
    readers = {name: [sys.executable, "-c", code] for name, code in ours.items()}
    for number, python in enumerate(options.old_duckdb, 1):
        readers[f"DuckDB, other version {number}"] = [python, "-c", DUCKDB]
    if options.polars:
        readers["Polars on the Parquet files"] = [options.polars, "-c", POLARS]
    return readers


def main() -> None:
    """Run everybody for a while and print what they saw."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("folder", type=Path)
    add("--seconds", type=float, default=120)
    add("--old-duckdb", nargs="*", default=[], metavar="PYTHON")
    add("--polars", metavar="PYTHON")
    add("--open-for-writing", action="store_true")
    add("--pause", default="0", help="seconds between the builds of a writer")
    options = arguments.parse_args()
    folder = new_folder(options.folder)
    with Lake(folder) as lake:
        publish(lake, ToyDecoder().tables)
        refresh_coverage(lake, [])
        lake.archive.append([whole_day(random.Random(0))])  # pandas cannot read an empty folder
        build(lake, ToyDecoder())
    readers = readers_of(options)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    seconds = str(options.seconds)
    worker = [sys.executable, "-m", "tests.support.stores_worker", str(folder)]
    writers = {
        f"writer {seed}: {work}": [*worker, work, str(seed), seconds, options.pause]
        for seed, work in enumerate(("put", "put", "rebuild", "compact"))
    }
    commands = writers | {name: [*how, str(folder), seconds] for name, how in readers.items()}
    print_load()
    running = {
        name: subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for name, command in commands.items()
    }
    print(heading("who", "done", "errors", "wrong reads"))
    for name, process in running.items():
        out, _ = process.communicate()
        if name in writers:
            print(row(name, f"{out.count('ack ')} responses", int(process.returncode != 0), ""))
        else:
            reads, errors, wrong = out.split() if process.returncode == 0 else ("0", "1", "0")
            print(row(name, f"{reads} reads", errors, wrong))
    print()
    print_load()


if __name__ == "__main__":
    main()
