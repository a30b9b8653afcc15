"""Check an export for Home Assistant by the rules of what imports it.

Shares no code with the export. By itself, for the files of a folder:

    python tests/support/home_assistant_files.py FOLDER
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

# The recorder's rule: words of these characters, no two underscores in a row, none at an end.
STATISTIC_ID = re.compile(r"(?!.+__)(?!_)[\da-z_]+(?<!_):(?!_)[\da-z_]+(?<!_)")
FILES = {"statistics.tsv", "statistics.jsonl", "energy-dashboard.md", "SHA256SUMS"}
HEADER = "statistic_id\tunit\tstart\tstate\tsum"
TSV_TIME = "%Y-%m-%d %H:%M"
METADATA = {
    "statistic_id", "source", "name", "unit_of_measurement", "unit_class", "mean_type", "has_sum",
}  # fmt: skip
HOURS_PER_MESSAGE = 1_000
MONEY = ("_import_cost", "_export_income")
HOUR = timedelta(hours=1)

Sums = dict[str, dict[datetime, float]]


class WrongFileError(AssertionError):
    """A file breaks a rule."""


def expect(condition: object, text: str) -> None:
    """Raise an error with a text unless a condition holds.

    Raises:
        WrongFileError: It does not.
    """
    if not condition:
        raise WrongFileError(text)


def checked_files(folder: Path) -> Sums:
    """Check the files of an export; return the sums by statistic and hour.

    Raises:
        WrongFileError: A rule is broken.
    """
    found = {path.name for path in folder.iterdir()}
    expect(found == FILES, f"the folder has {sorted(found)}")
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        content = (folder / name).read_bytes()
        expect(hashlib.sha256(content).hexdigest() == digest, f"{name} has another checksum")
    rows, units = _rows(folder / "statistics.tsv")
    messages = _messages(folder / "statistics.jsonl", units)
    expect(rows == messages, "the two files differ")
    guide = (folder / "energy-dashboard.md").read_text()
    for statistic_id, sums in rows.items():
        expect(STATISTIC_ID.fullmatch(statistic_id), f"{statistic_id!r} is not a valid ID")
        expect(statistic_id.startswith("givlake:"), f"{statistic_id} has another source")
        expect(f"`{statistic_id}`" in guide, f"the guide is without {statistic_id}")
        times, totals = list(sums), list(sums.values())
        expect(times == sorted(times), f"{statistic_id} is not in the order of time")
        for time in times:
            is_full = (time.minute, time.second, time.microsecond) == (0, 0, 0)
            expect(is_full, f"{statistic_id}: {time} is not a full hour")
        for before, after in pairwise(totals):
            expect(
                after >= before or statistic_id.endswith(MONEY),
                f"{statistic_id} falls from {before} to {after}",
            )
        is_money = statistic_id.endswith(MONEY)
        pattern = r"[A-Z]{3}" if is_money else "kWh"
        expect(re.fullmatch(pattern, units[statistic_id]), f"{statistic_id}: wrong unit")
    return rows


def _rows(path: Path) -> tuple[Sums, dict[str, str]]:
    lines = path.read_bytes().decode("utf-8").split("\n")
    expect(lines[0] == HEADER, f"{path.name} begins with {lines[0]!r}")
    expect(lines[-1] == "", f"{path.name} does not end with a line")
    sums: Sums = defaultdict(dict)
    units: dict[str, str] = {}
    for line in lines[1:-1]:
        statistic_id, unit, start, state, total = line.split("\t")
        time = datetime.strptime(start, TSV_TIME).replace(tzinfo=UTC)
        expect(state == total, f"{statistic_id} {start}: state is not the sum")
        expect(re.fullmatch(r"-?\d+\.\d{3}", total), f"{statistic_id} {start}: {total!r}")
        expect(time not in sums[statistic_id], f"{statistic_id} has {start} twice")
        expect(units.setdefault(statistic_id, unit) == unit, f"{statistic_id} has two units")
        sums[statistic_id][time] = float(total)
    return dict(sums), units


def _messages(path: Path, units: dict[str, str]) -> Sums:
    sums: Sums = defaultdict(dict)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        message = json.loads(line)
        expect(set(message) == {"id", "type", "metadata", "stats"}, f"line {number}: its parts")
        expect(message["id"] == number, f"line {number}: ID {message['id']}")
        expect(message["type"] == "recorder/import_statistics", f"line {number}: its type")
        expect(1 <= len(message["stats"]) <= HOURS_PER_MESSAGE, f"line {number}: its length")
        metadata = message["metadata"]
        statistic_id = metadata["statistic_id"]
        expect(set(metadata) == METADATA, f"line {number}: its metadata")
        expect(metadata["source"] == statistic_id.split(":")[0], f"line {number}: its source")
        expect(metadata["mean_type"] == 0, f"line {number}: mean_type")
        expect(metadata["has_sum"] is True, f"line {number}: has_sum")
        unit = metadata["unit_of_measurement"]
        expect(unit == units.get(statistic_id), f"line {number}: its unit")
        unit_class = "energy" if unit == "kWh" else None
        expect(metadata["unit_class"] == unit_class, f"line {number}: its unit class")
        expect(metadata["name"] and len(metadata["name"]) <= 255, f"line {number}: its name")
        for row in message["stats"]:
            time = datetime.fromisoformat(row["start"])
            expect(time.utcoffset() == timedelta(0), f"line {number}: {row['start']} has no offset")
            expect(row["state"] == row["sum"], f"line {number}: state is not the sum")
            expect(time not in sums[statistic_id], f"line {number}: {row['start']} is there twice")
            sums[statistic_id][time.astimezone(UTC)] = row["sum"]
    return dict(sums)


def by_hour(sums: dict[datetime, float]) -> dict[datetime, float]:
    """Return the value of each hour: its sum less the one before."""
    before, values = 0.0, {}
    for time, total in sums.items():
        values[time] = total - before
        before = total
    return values


def by_day(sums: dict[datetime, float], zone: ZoneInfo) -> dict[date, tuple[float, int]]:
    """Return the value of each local day, and the number of its hours."""
    totals: dict[date, float] = defaultdict(float)
    hours: Counter[date] = Counter()
    for time, value in by_hour(sums).items():
        day = time.astimezone(zone).date()
        totals[day] += value
        hours[day] += 1
    return {day: (total, hours[day]) for day, total in totals.items()}


if __name__ == "__main__":
    for name, found in checked_files(Path(sys.argv[1])).items():
        print(f"{name}: {len(found):,} hours, {list(found.values())[-1]:,.3f}")
