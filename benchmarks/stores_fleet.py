"""Planning, building, rebuilding and querying for a fleet: time, CPU and peak memory of each.

    python benchmarks/stores_fleet.py FOLDER [--devices 2000] [--days 30] [--points 288]

Archives one body per device and day directly (no requests; a body is an Arrow stream, so that
decoding costs next to nothing and what is measured are the stores). Each step runs in a process
of its own. Needs about 60 kB of disk per device and day at 288 points.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse import (
    EXPECTED_SCHEMA,
    ArchivedResponse,
    CoverageRule,
    Decoded,
    Entry,
    Lake,
    TableSpec,
    build,
    connect,
    coverage_by_month,
    publish,
    rebuild,
)

DATASET = "points"
MEASURES = [f"measure_{number:02d}" for number in range(48)]
START = date(2025, 5, 1)
SCHEMA = pa.schema(
    [
        ("inverter", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
        *((name, pa.float64()) for name in MEASURES),
        ("response_id", pa.int64()),
        ("fetched_at", pa.timestamp("us", tz="UTC")),
        ("request_date", pa.date32()),
    ]
)
SPEC = TableSpec(
    DATASET, SCHEMA, ("inverter", "time"), "time", "inverter", 1, "One row per inverter and time."
)


class StreamDecoder:
    """Reads bodies that are Arrow streams of the measures."""

    dataset = DATASET
    version = 1
    tables = (SPEC,)

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        """Read the streams and add where each row comes from."""
        tables = []
        for response in responses:
            rows = pa.ipc.open_stream(response.body).read_all()
            count = rows.num_rows
            tables.append(
                rows.add_column(0, SCHEMA.field("inverter"), pa.array([response.device_id] * count))
                .append_column(
                    SCHEMA.field("response_id"), pa.array(np.full(count, response.response_id))
                )
                .append_column(
                    SCHEMA.field("fetched_at"),
                    pa.array([response.fetched_at] * count, SCHEMA.field("fetched_at").type),
                )
                .append_column(
                    SCHEMA.field("request_date"), pa.array([response.request_date] * count)
                )
            )
        counts = {
            response.response_id: rows.num_rows
            for response, rows in zip(responses, tables, strict=True)
        }
        return Decoded({DATASET: pa.concat_tables(tables)}, rows_in=counts)


def device_name(number: int) -> str:
    """Return a made-up serial number."""
    return f"XX{number:04d}G{number % 1000:03d}"


def day_body(day: date, points: int, seed: int) -> bytes:
    """Make one device's day, with about the entropy of real measurements."""
    random = np.random.default_rng(seed)
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    times = start + np.arange(points) * (86_400_000_000 // points)
    columns: dict[str, pa.Array] = {"time": pa.array(times, pa.timestamp("us", tz="UTC"))}
    for number, name in enumerate(MEASURES):
        if number % 3 == 0:
            values = np.round(random.normal(230, 3, points), 1)
        elif number % 3 == 1:
            values = np.cumsum(random.random(points) < 0.1) / 10
        else:
            values = np.zeros(points)
        columns[name] = pa.array(values)
    sink = pa.BufferOutputStream()
    table = pa.table(columns)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def entry(device: str, day: date, body: bytes, rows: int) -> Entry:
    """Archive a body as the final answer for a day."""
    fetched = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=3)
    return Entry(
        dataset=DATASET, device_id=device, request_date=day, request_zone="Europe/London",
        method="GET", path=f"/inverter/{device}/data-points/{day}", params="{}", status=200,
        outcome="ok", error_kind=None, message=None, requested_at=fetched, fetched_at=fetched,
        page=1, page_count=1, complete=True, rows=rows, body=body, attempts=1,
        redaction_version=None,
    )  # fmt: skip


def archive_fleet(folder: Path, devices: int, days: int, points: int) -> str:
    """Write the archive as a backfill would, newest day first; a few bodies serve all devices."""
    with Lake(folder) as lake:
        for back in range(days):
            day = START + timedelta(days=days - 1 - back)
            bodies = [day_body(day, points, seed) for seed in range(40)]
            for number in range(devices):
                body = bodies[number % len(bodies)]
                lake.archive.append([entry(device_name(number), day, body, points)])
    size = sum(path.stat().st_size for path in (folder / "archive").rglob("*.parquet"))
    return f"{devices * days:,} responses, {size / 1e6:,.0f} MB on disk"


def expected_fleet(devices: int) -> pa.Table:
    """Expect five years of every device."""
    names = [device_name(number) for number in range(devices)]
    return pa.table(
        {
            "dataset": [DATASET] * devices,
            "device_id": names,
            "first_date": [START - timedelta(days=5 * 365)] * devices,
            "last_date": [None] * devices,
            "zone": ["Europe/London"] * devices,
            "last_contact_at": [None] * devices,
        },
        schema=EXPECTED_SCHEMA,
    )


def plan_fleet(folder: Path, devices: int, days: int) -> str:
    """Say what is due of five years."""
    end = START + timedelta(days=days - 1)
    with Lake(folder) as lake:
        days_in_all = due = 0
        for month in coverage_by_month(
            lake, [CoverageRule(DATASET, 1)], expected_fleet(devices),
            end - timedelta(days=5 * 365), end,
        ):  # fmt: skip
            days_in_all += month.num_rows
            due += int(pc.sum(month["due"]).as_py())
    return f"{days_in_all:,} device-days, {due:,} due"


def build_fleet(folder: Path) -> str:
    """Put what is archived into tables."""
    with Lake(folder) as lake:
        report = build(lake, StreamDecoder())
        publish(lake, [SPEC])
    return f"{report.rows():,} rows, {report.rows('new'):,} new"


def rebuild_fleet(folder: Path) -> str:
    """Make the tables from nothing."""
    with Lake(folder) as lake:
        report = rebuild(lake, StreamDecoder())
    return f"{report.rows():,} rows"


def query_fleet(folder: Path) -> str:
    """Ask for a day's total of every inverter, then of one."""
    with Lake(folder) as lake, connect(lake) as connection:
        connection.execute("SET enable_progress_bar = false")  # it would be taken for the answer
        sql = "SELECT inverter, time_bucket(INTERVAL 1 DAY, time), max(measure_01) FROM points"
        cold = time.perf_counter()
        rows = len(connection.execute(f"{sql} GROUP BY ALL").fetchall())
        all_s = time.perf_counter() - cold
        start = time.perf_counter()
        one = f"{sql} WHERE inverter = '{device_name(7)}' GROUP BY ALL"
        few = len(connection.execute(one).fetchall())
        one_s = time.perf_counter() - start
    files = sum(1 for _ in (folder / "tables").rglob("part-*.parquet"))
    return f"all {rows:,} rows {all_s:.2f} s, one device {few} rows {one_s:.3f} s, {files} files"


_AS_GIVLAKE = [
    "-c",
    "import pipelines.definitions, runpy, sys; del sys.argv[0];"
    "sys.path.insert(0, ''); runpy.run_path(sys.argv[0], run_name='__main__')",
]
STEPS = {
    "archive": lambda a: archive_fleet(a.folder, a.devices, a.days, a.points),
    "plan-first": lambda a: plan_fleet(a.folder, a.devices, a.days),
    "plan-again": lambda a: plan_fleet(a.folder, a.devices, a.days),
    "build": lambda a: build_fleet(a.folder),
    "rebuild": lambda a: rebuild_fleet(a.folder),
    "query": lambda a: query_fleet(a.folder),
}


def main() -> None:
    """Run the steps, each in its own process, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--points", type=int, default=288)
    parser.add_argument("--steps", nargs="*", default=list(STEPS))
    parser.add_argument("--all-imports", action="store_true", help="load what givlake loads")
    parser.add_argument("--one", choices=STEPS)
    arguments = parser.parse_args()
    if arguments.one:
        imports_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start, cpu = time.perf_counter(), time.process_time()
        said = STEPS[arguments.one](arguments)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        figures = (time.perf_counter() - start, time.process_time() - cpu, imports_mb, peak_mb)
        print(json.dumps([*figures, said]))
        return
    print("| step | wall s | CPU s | imports MB | peak MB | what |\n|---|---|---|---|---|---|")
    for step in arguments.steps:
        # givlake sets the allocators before anything else is imported.
        first = _AS_GIVLAKE if arguments.all_imports else []
        command = [sys.executable, *first, *sys.argv, "--one", step]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        wall, cpu, imports_mb, peak_mb, said = json.loads(done.stdout)
        print(
            f"| {step} | {wall:.1f} | {cpu:.1f} | {imports_mb:.0f} | {peak_mb:.0f} | {said} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
