"""Measure a year of polls of one inverter: time of a poll, and bytes before and after compaction.

    python -m benchmarks.stores.polls FOLDER [--days 365]

Every 15 minutes the day so far is archived, as JSON of about the real size. On the measured days
each poll is built; on the others only now and then. Of a day's polls only the last is decoded: it
holds the rows of all. The archive is compacted every few days.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import msgspec
import pyarrow as pa

from benchmarks.common import heading, new_folder, parser, print_load, row
from benchmarks.stores.measurements import DATASET, MEASURES, SCHEMA, SPEC, entry, size_of
from warehouse.archive import ArchivedResponse, Entry, compact
from warehouse.coverage import refresh_coverage
from warehouse.interface.decoder_protocol import Decoded
from warehouse.lake import Lake
from warehouse.tables.build import build
from warehouse.vacuum import vacuum

FIRST = date(2025, 1, 1)
POLLS_A_DAY, POINTS_A_DAY = 96, 288
VARYING = 20


class LastPollDecoder:
    """Decodes a day's polls from the one that has all its points."""

    dataset = DATASET
    version = 1
    tables = (SPEC,)

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        """Read the lists of points and add where each row comes from."""
        whole = [response for response in responses if response.rows == POINTS_A_DAY]
        rows = [
            {
                "inverter": response.device_id,
                "time": datetime.fromisoformat(point["time"]),
                **point["power"],
                "response_id": response.response_id,
                "fetched_at": response.fetched_at,
                "request_date": response.request_date,
            }
            for response in whole
            for point in msgspec.json.decode(response.body)["data"]
        ]
        counts = dict.fromkeys((response.response_id for response in responses), 0)
        counts |= {response.response_id: POINTS_A_DAY for response in whole}
        return Decoded({DATASET: pa.Table.from_pylist(rows, SCHEMA)}, rows_in=counts)


def polls_of(day: date, chance: random.Random) -> list[Entry]:
    """Make a day's responses; each holds the points so far, of about 900 bytes each."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    points = []
    for at in range(POINTS_A_DAY):
        power = {name: round(chance.gauss(230, 3), 1) for name in MEASURES[:VARYING]}
        power |= dict.fromkeys(MEASURES[VARYING:], 0)
        moment = (start + at * timedelta(days=1) / POINTS_A_DAY).isoformat()
        points.append(json.dumps({"time": moment, "status": "NORMAL", "power": power}))
    step = POINTS_A_DAY // POLLS_A_DAY
    return [
        entry("XX0001G001", day, f'{{"data":[{",".join(points[:count])}]}}'.encode(), count)
        for count in range(step, POINTS_A_DAY + 1, step)
    ]


def build_all(lake: Lake) -> None:
    """Build the table and bring the coverage up to date."""
    build(lake, LastPollDecoder())
    refresh_coverage(lake, [])


def measured(lake: Lake, polls: list[Entry]) -> tuple[float, float]:
    """Archive and build each poll; returns medians of wall and CPU ms."""
    walls, cpus = [], []
    for poll in polls:
        wall, cpu = time.perf_counter(), time.process_time()
        lake.archive.append([poll])
        lake.archive.flush()
        build_all(lake)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return median(walls) * 1000, median(cpus) * 1000


def main() -> None:
    """Poll for a year and print a row for each measured day."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--days", type=int, default=365)
    options = arguments.parse_args()
    folder, chance = new_folder(options.folder), random.Random(1)
    quarter = options.days // 4
    days = {0, quarter - 1, 2 * quarter - 1, options.days - 1}
    print_load()
    names = (
        "day",
        "wall ms a poll",
        "CPU ms a poll",
        "archive kB, that day before compaction",
        "compacted",
    )
    print(heading(*names, "tables kB", "indexes kB", "files"))
    with Lake(folder) as lake:
        for number in range(options.days):
            polls = polls_of(FIRST + timedelta(days=number), chance)
            # A measured day begins with everything built and compacted.
            at_rest = number in days or number + 1 in days
            if number in days:
                wall_ms, cpu_ms = measured(lake, polls)
            else:
                for poll in polls:
                    lake.archive.append([poll])
            if at_rest or number % 30 == 29:
                build_all(lake)
            not_compacted = size_of(folder / "archive")[0]
            if at_rest or number % 5 == 4:
                compact(lake.archive)
                vacuum(lake, force=True)
            if number in days:
                sizes = [size_of(folder / name)[0] for name in ("archive", "tables", "index")]
                kilobytes = [f"{size / 1e3:,.0f}" for size in (not_compacted, *sizes)]
                files = size_of(folder)[1]
                print(
                    row(number + 1, f"{wall_ms:.0f}", f"{cpu_ms:.0f}", *kilobytes, files),
                    flush=True,
                )
    print()
    print_load()


if __name__ == "__main__":
    main()
