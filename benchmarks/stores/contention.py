"""Writers, a rebuilder, a packer and readers of several kinds at once, on the same months.

    python benchmarks/stores_contention.py FOLDER [--seconds 120] [--old-duckdb PYTHON ...]

Readers check at every read that each device-day is absent or exactly one answer, and that counts
never fall. ``--old-duckdb`` names interpreters with other versions of DuckDB, ``--polars`` one
with Polars. With ``--open-for-writing`` a client holds the catalogue as the ``duckdb`` command line
does by default, which locks other DuckDB clients out of it; givlake's own readers take their place.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.stores_worker import POINTS, whole_day
from tests.support.toy_decoder import ToyDecoder
from warehouse import Lake, build, publish, refresh_coverage

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
from warehouse import Lake, connect, execute
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


def main() -> None:
    """Run everybody for a while and print what they saw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--old-duckdb", nargs="*", default=[])
    parser.add_argument("--polars", type=Path)
    parser.add_argument("--open-for-writing", action="store_true")
    parser.add_argument("--pause", default="0", help="seconds between the builds of a writer")
    arguments = parser.parse_args()
    folder = arguments.folder
    shutil.rmtree(folder, ignore_errors=True)
    with Lake(folder) as lake:
        publish(lake, ToyDecoder().tables)
        refresh_coverage(lake, [])
        lake.archive.append([whole_day(random.Random(0))])  # pandas cannot read a folder of nothing
        build(lake, ToyDecoder())
    seconds = str(arguments.seconds)
    worker = [sys.executable, "-m", "tests.support.stores_worker", str(folder)]
    readers = {
        "DuckDB, opened for each read": [sys.executable, "-c", DUCKDB],
        "DuckDB, left open": [sys.executable, "-c", LEFT_OPEN],
        "DuckDB, left open, with a cache of footers": [sys.executable, "-c", CACHED],
        "Arrow's datasets": [sys.executable, "-c", ARROW],
        "pandas on the Parquet files": [sys.executable, "-c", PANDAS],
        **{f"DuckDB of {python}": [python, "-c", DUCKDB] for python in arguments.old_duckdb},
    }
    if arguments.polars:
        readers["Polars on the Parquet files"] = [str(arguments.polars), "-c", POLARS]
    if arguments.open_for_writing:
        readers = {name: how for name, how in readers.items() if not name.startswith("DuckDB")}
        readers["givlake's own, catalogue locked"] = [sys.executable, "-c", OWN]
        readers["DuckDB, left open for writing"] = [sys.executable, "-c", HOLD]
    works = ["put", "put", "rebuild", "pack"]
    writing = [
        subprocess.Popen(
            [*worker, work, str(seed), seconds, arguments.pause], stdout=subprocess.PIPE, text=True
        )
        for seed, work in enumerate(works)
    ]
    reading = {
        name: subprocess.Popen([*command, str(folder), seconds], stdout=subprocess.PIPE, text=True)
        for name, command in readers.items()
    }
    print("| who | done | errors | wrong reads |\n|---|---|---|---|")
    for work, process in zip(works, writing, strict=True):
        out, _ = process.communicate()
        print(
            f"| writer: {work} | {out.count('ack ')} responses | {int(process.returncode != 0)} | |"
        )
    for number, (name, process) in enumerate(reading.items(), 1):
        out, _ = process.communicate()
        reads, errors, wrong = out.split() if process.returncode == 0 else ("0", "1", "0")
        label = name if "/" not in name else f"DuckDB, another version ({number})"
        print(f"| reader: {label} | {reads} reads | {errors} | {wrong} |")


if __name__ == "__main__":
    main()
