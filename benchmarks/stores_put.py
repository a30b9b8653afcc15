"""CPU of the parts that every ingestion pays: archiving a megabyte, putting a month's rows.

python benchmarks/stores_put.py FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from stores_fleet import SCHEMA, SPEC, START, day_body, device_name, entry
from stores_polls import points_of

from warehouse import Lake
from warehouse.tables import merge, partition_files
from warehouse.tables.merge import STANDS


def cpu_ms(work: Callable[[], object], times: int = 3) -> float:
    """Return the least CPU time of some runs, over all threads."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken) * 1000


def month_of(devices: int, response_id: int, shift_us: int = 0) -> pa.Table:
    """Make a month's rows of some devices, 288 a day."""
    parts = []
    for number in range(devices):
        for at in range(30):
            day = START + timedelta(days=at)
            rows = pa.ipc.open_stream(day_body(day, 288, at)).read_all()
            count = rows.num_rows
            moved = pa.array(np.asarray(rows["time"]).astype("i8") + shift_us, rows["time"].type)
            values = {
                "inverter": pa.array([device_name(number)] * count),
                "time": moved,
                "response_id": pa.array(np.full(count, response_id)),
                "fetched_at": pa.array(
                    np.full(count, response_id), SCHEMA.field("fetched_at").type
                ),
                "request_date": pa.array([day] * count),
            }
            columns = [values[name] if name in values else rows[name] for name in SCHEMA.names]
            parts.append(pa.table(columns, schema=SCHEMA))
    return pa.concat_tables(parts).combine_chunks()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    shutil.rmtree(folder, ignore_errors=True)
    chance = random.Random(3)
    bodies = [
        ('{"data":[' + ",".join(points_of(START + timedelta(days=at), 288, chance)) + "]}").encode()
        for at in range(32)
    ]
    mb = sum(map(len, bodies)) / 1e6
    entries = [
        entry("XX0001G001", START + timedelta(days=at), b, 288) for at, b in enumerate(bodies)
    ]
    folder.mkdir(parents=True)
    plain = pa.table({"body": pa.array(bodies, pa.binary())})

    def bare() -> None:
        pq.write_table(
            plain,
            folder / "bare.parquet",
            compression="zstd",
            compression_level=3,
            use_dictionary=False,
            write_statistics=False,
        )

    def archived() -> None:
        for one in entries:
            lake.archive.append([one])
        lake.archive.flush()

    with Lake(folder / "lake") as lake:
        archived()
        print(f"| archiving {mb:.0f} MB of bodies | CPU ms/MB |\n|---|---|")
        print(f"| bare zstd into one Parquet column | {cpu_ms(bare) / mb:.2f} |")
        print(
            f"| SHA-256 of the bodies | "
            f"{cpu_ms(lambda: [hashlib.sha256(b).digest() for b in bodies]) / mb:.2f} |"
        )
        print(f"| append and flush, all in all | {cpu_ms(archived) / mb:.2f} |\n")
    standing = month_of(3, 1)
    versions = SCHEMA.append(STANDS).empty_table()
    cases = {
        "new keys": month_of(3, 2, shift_us=60_000_000),
        "identical re-delivery": month_of(3, 2),
        "every row revised": month_of(3, 2).set_column(
            2, SCHEMA.field(2), pa.array(np.arange(standing.num_rows, dtype=float))
        ),
    }
    columns = len(SCHEMA)
    print(
        f"| put of {standing.num_rows:,} rows x {columns} columns onto as many | merge ms "
        "| write ms | without keeping what it replaces | bare write of the same rows ms |\n"
        "|---|---|---|---|---|"
    )
    for name, incoming in cases.items():
        merged = merge(SPEC, standing, versions, incoming)
        path, live = folder / "put.parquet", folder / "live.parquet"
        partition_files.write(live, SPEC, standing)
        rows = merged.standing
        merging = cpu_ms(partial(merge, SPEC, standing, versions, incoming))
        put = partial(partition_files.write, path, SPEC, merged.rows, merged.winners)
        alone_ms, writing = cpu_ms(put), cpu_ms(partial(put, live=live))
        plain_ms = cpu_ms(partial(pq.write_table, rows, path, compression="zstd"))
        print(f"| {name} | {merging:.0f} | {writing:.0f} | {alone_ms:.0f} | {plain_ms:.0f} |")


if __name__ == "__main__":
    main()
