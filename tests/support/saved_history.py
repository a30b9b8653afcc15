"""History as other tools save it, and what is in such files: read with json, csv and gzip alone."""

import gzip
import json
import os
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from simulator import Simulator
from tests.support.simulator_truth import LEAVES

Points = dict[tuple[str, datetime], dict[str, Any]]


class Saver:
    """Asks a simulated API like a script would, and saves what it answers."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim

    def get(self, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        """Return the body of an answer."""
        request = urllib.request.Request(
            self.sim.base_url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.sim.token}",
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request) as answer:
            content: bytes = answer.read()
        return content

    def day(self, serial: str, day: date, size: int = 100_000, page: int = 1) -> bytes:
        """Return a page of the data points of a day."""
        return self.get(f"/inverter/{serial}/data-points/{day}?pageSize={size}&page={page}")

    def points(self, serial: str, day: date) -> list[dict[str, Any]]:
        """Return the data points of a day."""
        points: list[dict[str, Any]] = json.loads(self.day(serial, day))["data"]
        return points

    def flows(self, serial: str, first: date, last: date) -> bytes:
        """Return the half hours of days, both included, with the one that follows."""
        body = {
            "start_time": first.isoformat(),
            "end_time": (last + timedelta(days=1)).isoformat(),
            "grouping": 0,
            "types": list(range(7)),
        }
        return self.get(f"/inverter/{serial}/energy-flows", body)

    def dump(self, folder: Path, days: list[date], at: datetime) -> None:
        """Save a cloud dump: lists, latest values, and all points of each inverter in one list."""
        devices = json.loads(self.get("/communication-device?pageSize=50"))["data"]
        write(folder / "account.json", self.get("/account"))
        write(folder / "communication_devices.json", devices)
        for serial in self.sim.serials:
            of_inverter = folder / "inverters" / serial
            for name, path in (
                ("settings", "settings"),
                ("system_data_latest", "system-data/latest"),
                ("meter_data_latest", "meter-data/latest"),
                ("events", "events"),
                ("presets", "presets"),
            ):
                answer = json.loads(self.get(f"/inverter/{serial}/{path}"))
                write(of_inverter / f"{name}.json", answer)
            setting = {"id": 17, "name": "Eco", "validation": None, "validation_rules": []}
            write(of_inverter / "settings_values.json", {"17": {**setting, "value": True}})
            newest_first = [p for day in reversed(days) for p in self.points(serial, day)]
            write(of_inverter / "data_points.json", newest_first)
        write(
            folder / "_dump_metadata.json",
            {
                "timestamp": at.replace(tzinfo=None).isoformat(),
                "api_requests": 9,
                "elapsed_seconds": 5,
                "inverter_serials": self.sim.serials,
                "historical_days": len(days),
            },
        )


def write(path: Path, content: Any, at: datetime | None = None) -> Path:
    """Write bytes, or a value as JSON with indentation, with a time of the last change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes):
        content = json.dumps(content, indent=2).encode()
    path.write_bytes(content)
    if at is not None:
        os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file of a folder, of zip members too, unpacked."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    yield f"{name}/{member}", archive.read(member)
        elif path.suffix == ".gz":
            yield name, gzip.decompress(path.read_bytes())
        else:
            yield name, path.read_bytes()


def expected(points: Mapping[str, list[dict[str, Any]]]) -> Points:
    """Return the columns of points by inverter and time; the last of two with one time counts."""
    return {
        (serial, time_of(point)): {name: _leaf(point, path) for name, path in LEAVES.items()}
        for serial, of_inverter in points.items()
        for point in of_inverter
    }


def table(data: Path) -> Points:
    """Return the table of data points, read from its files with DuckDB alone."""
    files = f"{data}/tables/inverter_data_points/**/*.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.sql(f"FROM read_parquet('{files}', hive_partitioning = false)")
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    return {
        (row["inverter_serial"], row["time"]): {name: row[name] for name in LEAVES} for row in rows
    }


def time_of(point: Mapping[str, Any]) -> datetime:
    """Return the time of a point."""
    return datetime.strptime(point["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _leaf(point: Any, path: str) -> Any:
    for name in path.split("."):
        point = point.get(name) if isinstance(point, dict) else None
    return point
