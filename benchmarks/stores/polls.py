"""Polling one inverter for a long time: bytes and time per poll, before and after packing.

    python benchmarks/stores_polls.py FOLDER [--days 30] [--points 288]
    python benchmarks/stores_polls.py FOLDER --year

Every 15 minutes the day so far is archived, as JSON of about the real size, and built; each night
the archive is packed. With ``--year`` the polls of most days are archived without a build between
them, of which only the last of a day is decoded (the others hold nothing else), and single polls
are measured on some days.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from stores_fleet import DATASET, MEASURES, SCHEMA, SPEC, entry

from warehouse import ArchivedResponse, Decoded, Lake, build, pack, refresh_coverage, trim

POLLS_A_DAY = 96
FIELDS = 20


class JsonDecoder:
    """Reads bodies that are JSON lists of points."""

    dataset = DATASET
    version = 1
    tables = (SPEC,)

    def decode(self, responses: list[ArchivedResponse]) -> Decoded:
        """Read the lists and add where each row comes from."""
        rows, counts = [], {}
        for response in responses:
            points = msgspec.json.decode(response.body)["data"]
            counts[response.response_id] = len(points)
            for point in points:
                rows.append(
                    {
                        "inverter": response.device_id,
                        "time": datetime.fromisoformat(point["time"]),
                        **point["power"],
                        "response_id": response.response_id,
                        "fetched_at": response.fetched_at,
                        "request_date": response.request_date,
                    }
                )
        return Decoded({DATASET: pa.Table.from_pylist(rows, SCHEMA)}, rows_in=counts)


class LastOfDay(JsonDecoder):
    """Reads of a day's polls only the last, which holds all the rows of the others."""

    def decode(self, responses: list[ArchivedResponse]) -> Decoded:
        """Read the polls with the most rows."""
        decoded = super().decode([response for response in responses if response.rows == 288])
        counts = {response.response_id: 0 for response in responses}
        return Decoded(decoded.tables, rows_in=counts | decoded.rows_in)


MEASURED_DAYS = (0, 89, 179, 364)


def year(folder: Path) -> None:
    """Archive a year of polls, and measure single polls on the way."""
    chance = random.Random(1)
    names = ("archive", "tables", "index")
    print(
        "| day | ms a poll | CPU ms | archive kB with that day unpacked | packed | tables kB "
        "| indexes kB | files |\n|---|---|---|---|---|---|---|---|"
    )
    with Lake(folder) as lake:
        for number in range(MEASURED_DAYS[-1] + 1):
            day = date(2025, 1, 1) + timedelta(days=number)
            points = points_of(day, 288, chance)
            polls = []
            for poll in range(1, POLLS_A_DAY + 1):
                so_far = points[: 3 * poll]
                body = ('{"data":[' + ",".join(so_far) + "]}").encode()
                polls.append(entry("XX0001G001", day, body, len(so_far)))
            times: list[tuple[float, float]] = []
            for poll in polls:
                if number not in MEASURED_DAYS:
                    lake.archive.append([poll])
                    continue
                begun, cpu = time.perf_counter(), time.process_time()
                lake.archive.append([poll])
                lake.archive.flush()
                build(lake, LastOfDay())
                refresh_coverage(lake, [])
                times.append((time.perf_counter() - begun, time.process_time() - cpu))
            if number % 30 == 29 or number + 1 in MEASURED_DAYS or number in MEASURED_DAYS:
                build(lake, LastOfDay())
                refresh_coverage(lake, [])
            unpacked = size_of(lake.folder / "archive")[0]
            if number % 5 == 4 or number in MEASURED_DAYS or number + 1 in MEASURED_DAYS:
                pack(lake.archive)
                trim(lake, at_once=True)
            if times:
                wall_ms, cpu_ms = (float(v) * 1000 for v in np.median(np.array(times), axis=0))
                archive, tables, index = (size_of(lake.folder / n)[0] / 1e3 for n in names)
                print(
                    f"| {number + 1} | {wall_ms:.0f} | {cpu_ms:.0f} | {unpacked / 1e3:,.0f} "
                    f"| {archive:,.0f} | {tables:,.0f} | {index:,.0f} "
                    f"| {size_of(lake.folder)[1]} |",
                    flush=True,
                )


def points_of(day: date, count: int, chance: random.Random) -> list[str]:
    """Make a day's points as JSON texts of about 900 bytes, in order of time."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    points = []
    for at in range(count):
        power = {name: round(chance.gauss(230, 3), 1) for name in MEASURES[:FIELDS]}
        zeros = {name: 0 for name in MEASURES[FIELDS:]}
        moment = (start + at * timedelta(days=1) / count).isoformat()
        points.append(json.dumps({"time": moment, "status": "NORMAL", "power": power | zeros}))
    return points


def size_of(folder: Path) -> tuple[int, int]:
    """Return bytes on disk (holes take none) and number of the files below a folder."""
    found = [path.stat() for path in folder.rglob("*") if path.is_file()]
    sizes = [min(stat.st_size, stat.st_blocks * 512) for stat in found]
    return sum(sizes), len(sizes)


def main() -> None:
    """Poll for some days and print sizes and times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--points", type=int, default=288)
    parser.add_argument("--year", action="store_true")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    if arguments.year:
        year(arguments.folder)
        return
    chance = random.Random(1)
    print(
        "| day | wall ms a poll | CPU ms a poll | archive kB unpacked | packed | files | after "
        "| all else kB |\n|---|---|---|---|---|---|---|---|"
    )
    total = np.zeros(2, dtype=np.int64)
    with Lake(arguments.folder) as lake:
        for number in range(arguments.days):
            day = date(2025, 5, 1) + timedelta(days=number)
            points = points_of(day, arguments.points, chance)
            cpu_s = wall_s = 0.0
            before = size_of(lake.folder / "archive")[0]
            for poll in range(1, POLLS_A_DAY + 1):
                so_far = points[: len(points) * poll // POLLS_A_DAY]
                body = ('{"data":[' + ",".join(so_far) + "]}").encode()
                start, begun = time.process_time(), time.perf_counter()
                lake.archive.append([entry("XX0001G001", day, body, len(so_far))])
                build(lake, JsonDecoder())
                refresh_coverage(lake, [])
                cpu_s += time.process_time() - start
                wall_s += time.perf_counter() - begun
            unpacked, files = size_of(lake.folder / "archive")
            pack(lake.archive)
            trim(lake, at_once=True)
            packed, fewer = size_of(lake.folder / "archive")
            total += (unpacked - before, packed - before)
            if number in (0, 1, 6, 13, 20) or number == arguments.days - 1:
                rest = size_of(lake.folder)[0] - packed
                print(
                    f"| {number + 1} | {wall_s / POLLS_A_DAY * 1000:.0f} "
                    f"| {cpu_s / POLLS_A_DAY * 1000:.0f} "
                    f"| {(unpacked - before) / 1e3:,.0f} | {(packed - before) / 1e3:,.0f} "
                    f"| {files} | {fewer} | {rest / 1e3:,.0f} |",
                    flush=True,
                )
    print(
        f"\nA day in the archive: {total[0] / arguments.days / 1e3:,.0f} kB as it comes, "
        f"{total[1] / arguments.days / 1e3:,.0f} kB packed."
    )


if __name__ == "__main__":
    main()
