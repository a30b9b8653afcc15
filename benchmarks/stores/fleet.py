"""Measure planning, building, rebuilding and querying for a fleet: time, CPU and peak memory.

    python -m benchmarks.stores.fleet FOLDER [--devices 2000] [--days 30] [--points 288]

A body of each device and day is archived directly, without requests. Bodies are Arrow streams, so
that decoding costs next to nothing and the stores are measured. Each step runs in a process of its
own that has imported what givlake imports. Takes about 60 kB of disk per device and day at 288
points.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.common import ROOT, heading, measure, new_folder, parser, print_load, row
from benchmarks.stores.measurements import DATASET, MEASURES, SCHEMA, SPEC, entry
from tests.support.owner import Owner
from warehouse.archive import ArchivedResponse
from warehouse.catalogue import publish
from warehouse.connection import connect
from warehouse.coverage import CoverageRule, coverage_by_month
from warehouse.interface.decoder_protocol import Decoded
from warehouse.lake import EXPECTED_SCHEMA, Lake
from warehouse.tables.build import build, rebuild

START = date(2025, 5, 1)
HISTORY = timedelta(days=5 * 365)
BODIES_A_DAY = 40
# `pipelines` comes first: it sets the allocators before anything else is imported.
STEP = "import pipelines.definitions, benchmarks.stores.fleet as fleet; fleet.main()"


class StreamDecoder:
    """Reads bodies that are Arrow streams of the measures."""

    dataset = DATASET
    version = 1
    tables = (SPEC,)

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        """Read the streams and add where each row comes from."""
        tables, counts = [], {}
        for response in responses:
            rows = pa.ipc.open_stream(response.body).read_all()
            counts[response.response_id] = rows.num_rows
            values = {
                "inverter": response.device_id,
                "response_id": response.response_id,
                "fetched_at": response.fetched_at,
                "request_date": response.request_date,
            }
            columns = [
                pa.repeat(pa.scalar(values[field.name], field.type), rows.num_rows)
                if field.name in values
                else rows[field.name]
                for field in SCHEMA
            ]
            tables.append(pa.table(columns, schema=SCHEMA))
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
    return bytes(sink.getvalue())


def archive(options: argparse.Namespace) -> str:
    """Write the archive as a backfill would, newest day first; a few bodies serve all devices."""
    with Lake(options.folder) as lake:
        for back in range(options.days):
            day = START + timedelta(days=options.days - 1 - back)
            bodies = [day_body(day, options.points, seed) for seed in range(BODIES_A_DAY)]
            for number in range(options.devices):
                body = bodies[number % len(bodies)]
                lake.archive.append([entry(device_name(number), day, body, options.points)])
    files = (options.folder / "archive").rglob("*.parquet")
    size = sum(path.stat().st_size for path in files)
    return f"{options.devices * options.days:,} responses, {size / 1e6:,.0f} MB on disk"


def plan(options: argparse.Namespace) -> str:
    """Compute what is due of five years of every device."""
    end = START + timedelta(days=options.days - 1)
    expected = pa.table(
        {
            "dataset": [DATASET] * options.devices,
            "device_id": [device_name(number) for number in range(options.devices)],
            "first_date": [START - HISTORY] * options.devices,
            "last_date": [None] * options.devices,
            "zone": ["Europe/London"] * options.devices,
            "last_contact_at": [None] * options.devices,
        },
        schema=EXPECTED_SCHEMA,
    )
    days = due = 0
    with Lake(options.folder) as lake:
        for month in coverage_by_month(
            lake, [CoverageRule(DATASET, 1)], expected, end - HISTORY, end
        ):
            days += month.num_rows
            due += int(pc.sum(month["due"]).as_py())
    return f"{days:,} device-days, {due:,} due"


def build_tables(options: argparse.Namespace) -> str:
    """Build the tables from the archive."""
    with Lake(options.folder) as lake:
        report = build(lake, StreamDecoder())
        publish(lake, [SPEC])
    return f"{report.rows():,} rows, {report.rows('new'):,} new"


def rebuild_tables(options: argparse.Namespace) -> str:
    """Build the tables anew over those that exist."""
    with Lake(options.folder) as lake:
        report = rebuild(lake, StreamDecoder())
    return f"{report.rows():,} rows"


def query(options: argparse.Namespace) -> str:
    """Ask for every inverter's maximum of one day, then of each day, then for one inverter's."""
    by_day = "SELECT inverter, request_date, max(measure_01) FROM points"
    by_bucket = "SELECT inverter, time_bucket(INTERVAL 1 DAY, time), max(measure_01) FROM points"
    queries = {
        "a day": f"{by_day} WHERE request_date = '{START + timedelta(days=options.days // 2)}'",
        "each day": by_day,
        # DuckDB computes days of the session's time zone row by row, which takes most of it.
        "each day by time_bucket": by_bucket,
        "one inverter": f"{by_day} WHERE inverter = '{device_name(options.devices // 2)}'",
    }
    texts = []
    with Lake(options.folder) as lake:
        for name, sql in queries.items():
            with connect(lake) as connection:
                # It would be taken for the output.
                connection.execute("SET enable_progress_bar = false")
                cpu, start = time.process_time(), time.perf_counter()
                rows = len(connection.execute(f"{sql} GROUP BY ALL").fetchall())
                used = f"{time.perf_counter() - start:.2f} s, CPU {time.process_time() - cpu:.2f} s"
                texts.append(f"{name}: {rows:,} rows in {used}")
    files = sum(1 for _ in (options.folder / "tables").rglob("part-*.parquet"))
    return f"{'; '.join(texts)}; {files} files"


STEPS: dict[str, Callable[[argparse.Namespace], str]] = {
    "imports": lambda _: "",
    "archive": archive,
    "plan, making the indexes": plan,
    "plan again": plan,
    "build": build_tables,
    "rebuild": rebuild_tables,
    "query": query,
}


def main() -> None:
    """Run the steps, each in its own process, and print a table."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--devices", type=int, default=2000)
    arguments.add_argument("--days", type=int, default=30)
    arguments.add_argument("--points", type=int, default=288, help="points of a day")
    arguments.add_argument("--step", choices=STEPS, help="run one step in this process")
    options = arguments.parse_args()
    if options.step:
        print(STEPS[options.step](options))
        return
    folder = new_folder(options.folder)
    owner = Owner(folder, {"PYTHONPATH": str(ROOT)}, token=None)
    print_load()
    print(heading("step", "wall s", "CPU s", "peak MB", "what"))
    for step in STEPS:
        given = [f"--{name}={getattr(options, name)}" for name in ("devices", "days", "points")]
        used = measure([sys.executable, "-c", STEP, folder, *given, "--step", step], owner)
        peak_mb = used.peak_bytes / 1e6
        figures = [f"{used.wall_s:.1f}", f"{used.cpu_s:.1f}", f"{peak_mb:.0f}"]
        print(row(step, *figures, used.output.strip()), flush=True)
    print()
    print_load()


if __name__ == "__main__":
    main()
