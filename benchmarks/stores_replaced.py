"""One Parquet file replaced again and again while clients read it by its path.

    python benchmarks/stores_replaced.py FOLDER [--rate 5] [--seconds 40] [--plainly]
        [--duckdb PYTHON ...] [--polars PYTHON]

``--plainly`` writes each version as Arrow does; else as the stores do, with the data of the version
that it replaces. ``--duckdb`` and ``--polars`` name interpreters that have these clients. A read is
wrong when its rows are not those of one version.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.storage import live_parquet

LOOP = """
import sys, time
path, seconds = sys.argv[1], float(sys.argv[2])
{prepare}
end, reads, wrong, errors = time.monotonic() + seconds, 0, 0, 0
while time.monotonic() < end:
    reads += 1
    try:
        count, least, most, last = read()
        wrong += least != most or count != last + 1
    except BaseException:
        errors += 1
print(name, reads, wrong, errors, sep="|")
"""
DUCKDB = LOOP.format(
    prepare="""
import duckdb
name, connection = "DuckDB " + duckdb.__version__, duckdb.connect()
sql = f"SELECT count(*), min(version), max(version), max(number) FROM read_parquet('{path}')"
def read():
    return connection.execute(sql).fetchone()
"""
)
POLARS = LOOP.format(
    prepare="""
import polars as pl
name, version = "Polars " + pl.__version__, pl.col("version")
figures = pl.len(), version.min().alias("a"), version.max().alias("b"), pl.col("number").max()
def read():
    return pl.scan_parquet(path).select(*figures).collect().row(0)
"""
)


def rows_of(version: int) -> pa.Table:
    """Make a version's rows; there are more of them as time goes on."""
    count = 1000 + version * 37 % 500 + version // 50
    return pa.table(
        {
            "version": np.full(count, version),
            "number": np.arange(count),
            "value": np.random.default_rng(version).random(count).round(2),
            "word": pa.array([f"word {number % 7}" for number in range(count)]),
        }
    )


def put(path: Path, version: int, *, plainly: bool) -> None:
    """Replace the file by another version."""
    temporary, rows = path.with_suffix(".temporary"), rows_of(version)
    if plainly:
        pq.write_table(rows, temporary, compression="zstd")
    else:
        live_parquet.write(temporary, rows.schema, lambda: [rows], path, compression="zstd")
    temporary.replace(path)


def main() -> None:
    """Write and read at once, and print what the readers saw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rate", type=float, default=5, help="versions a second; 0 for no pause")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--plainly", action="store_true")
    parser.add_argument("--duckdb", nargs="*", default=[])
    parser.add_argument("--polars", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path = arguments.folder / "replaced.parquet"
    path.unlink(missing_ok=True)
    put(path, 0, plainly=True)
    commands = [[python, "-c", DUCKDB] for python in [sys.executable, *arguments.duckdb]]
    if arguments.polars:
        commands.append([str(arguments.polars), "-c", POLARS])
    readers = [
        subprocess.Popen(
            [*command, str(path), str(arguments.seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # Polars writes its panics there
            text=True,
        )
        for command in commands
    ]
    version, begun = 0, time.monotonic()
    while any(reader.poll() is None for reader in readers):
        version += 1
        put(path, version, plainly=arguments.plainly)
        if arguments.rate:
            time.sleep(1 / arguments.rate)
    a_second = version / (time.monotonic() - begun)
    print(f"{a_second:.1f} versions a second, {path.stat().st_size / 1e3:.1f} kB at the end\n")
    print("| client | reads | wrong | errors |\n|---|---|---|---|")
    for reader in readers:
        out, _ = reader.communicate()
        print("| " + out.strip().replace("|", " | ") + " |")


if __name__ == "__main__":
    main()
