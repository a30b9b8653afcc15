"""Damage the data folder, and write down what each command of givlake then says.

    python benchmarks/stores_damages.py FOLDER [--only NAME ...] [--tiny MOUNTED_TINY_FOLDER]

The commands are run one after the other over the damaged folder: status, query, backfill, check,
check --mend, rebuild, backfill. In the end the table is compared with the truth. ``--tiny`` names a
folder on a file system of a few megabytes, for the case of a full disk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Done, Owner
from tests.support.simulator_truth import assert_same, days_between, expected_rows

DAYS = days_between(date(2025, 5, 30), date(2025, 6, 4))
FETCH = ("backfill", "--start", DAYS[0], "--end", DAYS[-1])
COUNT = ("query", "SELECT count(*) AS n FROM inverter_data_points")
COMMANDS = [("status",), COUNT, FETCH, ("check",), ("check", "--mend"), ("rebuild",), FETCH]


def segment(data: Path) -> Path:
    """Return the largest archive file."""
    return max((data / "archive/segments").iterdir(), key=lambda path: path.stat().st_size)


def middle_segment(data: Path) -> Path:
    """Return the largest archive file that is neither the first nor the last."""
    between = sorted((data / "archive/segments").iterdir())[1:-1]
    return max(between, key=lambda path: path.stat().st_size)


def no_rows(path: Path) -> None:
    """Leave a whole Parquet file without rows."""
    pq.write_table(pq.read_table(path).slice(0, 0), path)


def table(data: Path) -> Path:
    """Return a file of the table."""
    return max((data / "tables/inverter_data_points").rglob("part-*.parquet"))


def cut(path: Path) -> None:
    """Cut the second half off."""
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Flip a byte in the middle and leave no trace in the times."""
    stat = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def edit(path: Path) -> None:
    """Change a measurement by hand and keep everything else."""
    rows = pq.read_table(path, partitioning=None)
    at = rows.schema.get_field_index("battery_percent")
    changed = pc.add(pc.fill_null(rows["battery_percent"], 0.0), 1.0)
    pq.write_table(rows.set_column(at, rows.schema.field(at), changed), path)


def newer(data: Path) -> None:
    """Let a newer givlake have been here."""
    text = json.loads((data / "store.json").read_text())
    (data / "store.json").write_text(json.dumps({**text, "layout_version": 99}))


def leave_behind(data: Path) -> None:
    """Leave what a dead process leaves: a scratch folder whose lock nobody holds."""
    (data / "tmp/dead").mkdir()
    (data / "tmp/dead.lock").touch()
    (data / "tmp/dead/half").write_bytes(b"PAR1half")
    (data / "staging/build-inverter_data_points").mkdir(parents=True, exist_ok=True)
    (data / "staging/build-inverter_data_points/000001-part.parquet").write_bytes(b"PAR1")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "segment cut short": lambda data: cut(segment(data)),
    "byte flipped in a segment": lambda data: flip(segment(data)),
    "newest segment deleted": lambda data: max((data / "archive/segments").iterdir()).unlink(),
    "segment in the middle deleted": lambda data: middle_segment(data).unlink(),
    "table file cut short": lambda data: cut(table(data)),
    "byte flipped in a table": lambda data: flip(table(data)),
    "table file edited by hand": lambda data: edit(table(data)),
    "table file deleted": lambda data: table(data).unlink(),
    "all tables deleted": lambda data: shutil.rmtree(data / "tables"),
    "index deleted": lambda data: shutil.rmtree(data / "index"),
    "index of requests cut short": lambda data: cut(next((data / "index/requests").glob("part*"))),
    "coverage byte flipped": lambda data: flip(next((data / "index/coverage").glob("month*"))),
    "manifest cut short": lambda data: cut(
        data / "index/manifests/build-inverter_data_points.json"
    ),
    "expected_days.parquet cut short": lambda data: cut(data / "expected_days.parquet"),
    "expected_days.parquet emptied": lambda data: no_rows(data / "expected_days.parquet"),
    "state.json cut short": lambda data: cut(data / "state.json"),
    "store.json cut short": lambda data: cut(data / "store.json"),
    "catalogue deleted": lambda data: (data / "warehouse.duckdb").unlink(),
    "catalogue overwritten": lambda data: (data / "warehouse.duckdb").write_bytes(b"no database"),
    "temporary files left behind": leave_behind,
    "written by a newer givlake": newer,
}


def said(done: Done) -> str:
    """Return exit status and what was said, in one line."""
    lines = [" ".join(line.split()) for line in done.said.splitlines() if line.strip()]
    return f"{done.status}: " + " / ".join(lines[-6:])


class Bench:
    """An account, a whole data folder, and copies of it to damage."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.sim = sim
        self.folder = folder
        self.owner = Owner(folder, {"GIVENERGY_API_URL": sim.base_url}, token=sim.token)
        for day in DAYS[-2::-2]:  # newest first, so that there are some segments
            assert self.owner.givlake(*FETCH[:2], day, *FETCH[3:]).status == 0
        (folder / "data").rename(folder / "whole")

    def fresh(self) -> Path:
        """Put a whole data folder in its place."""
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(self.folder / "whole", data)
        return data

    def run(self, name: str, commands: list[tuple[object, ...]] = COMMANDS) -> None:
        """Run the commands and print what they say and whether all came back."""
        print(f"\n## {name}", flush=True)
        for command in commands:
            self.sim.clear_requests()
            try:
                done = self.owner.givlake(*command)
            except Exception as error:
                print(f"- **TRACEBACK** {' '.join(map(str, command))}: {error!r}"[:400])
                continue
            asked = sum("data-points" in request.path for request in self.sim.requests)
            more = f" [{asked} requests]" if asked else ""
            print(f"- `{command[0]}{' --mend' if '--mend' in command else ''}` {said(done)}{more}")
        self.compare()

    def compare(self) -> None:
        """Say whether the table is as in truth."""
        try:
            rows = [row for row in self.owner.rows() if row["request_date"] in DAYS]
            assert_same(rows, expected_rows(self.sim, self.sim.serials, DAYS))
        except Exception as error:
            print(f"- NOT as in truth: {type(error).__name__} {str(error)[:200]}")
        else:
            print(f"- as in truth: {len(rows)} rows")


def full_disk(bench: Bench, tiny: Path) -> None:
    """Fill a small file system under a backfill; then make room and go on."""
    for path in tiny.iterdir():
        shutil.rmtree(path)
    print("\n## disk full")
    bench.owner.settings["GIVLAKE_DATA"] = str(tiny / "data")
    bench.owner.data = tiny / "data"
    assert bench.owner.givlake(*FETCH[:3], "--end", DAYS[0]).status == 0
    ballast = tiny / "ballast"
    room = os.statvfs(tiny).f_bavail * os.statvfs(tiny).f_frsize
    for left in (64 << 10, 16 << 10, 0):
        ballast.write_bytes(bytes(room - left))
        print(f"- {left >> 10} kB left:")
        for command in [("status",), COUNT, FETCH, ("check",), ("rebuild",), ("pack",)]:
            try:
                print(f"  - `{command[0]}` {said(bench.owner.givlake(*command))}")
            except Exception as error:
                print(f"  - **TRACEBACK** {command[0]}: {error!r}"[:600])
        ballast.unlink()
        room = os.statvfs(tiny).f_bavail * os.statvfs(tiny).f_frsize
    bench.run("disk full, then room again", [FETCH, ("check",)])
    if os.geteuid() == 0:  # to others, permissions say the same as a read-only file system
        for options in ("bind", "remount,bind,ro"):
            source = [str(tiny)] if options == "bind" else []
            subprocess.run(["mount", "-o", options, *source, str(tiny)], check=True)
        bench.run("read-only file system", [("status",), COUNT, FETCH, ("check",), ("rebuild",)])
        subprocess.run(["umount", str(tiny)], check=True)


def main() -> None:
    """Damage and listen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--tiny", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = SimulatorConfig(
        inverters=2, seed=7, rate_limit=100_000, rows_per_day=96, empty_day_rate=0.0,
        commissioned=date(2024, 1, 1), bare_devices=False, gateways=0,
    )  # fmt: skip
    with Simulator(config) as sim:
        bench = Bench(sim, folder)
        for name, damage in DAMAGES.items():
            if arguments.only is None or name in arguments.only:
                damage(bench.fresh())
                bench.run(name)
        if arguments.only is None or "moved" in arguments.only:
            bench.fresh().rename(folder / "moved")
            bench.owner.data = folder / "moved"
            bench.owner.settings["GIVLAKE_DATA"] = str(bench.owner.data)
            bench.run("folder moved", [("status",), COUNT, FETCH, ("check",)])
            shutil.copytree(folder / "moved", folder / "copied", copy_function=shutil.copyfile)
            bench.owner.data = folder / "copied"
            bench.owner.settings["GIVLAKE_DATA"] = str(bench.owner.data)
            bench.run("folder copied, with new times", [("status",), COUNT, FETCH, ("check",)])
        if arguments.tiny:
            full_disk(bench, arguments.tiny)


if __name__ == "__main__":
    main()
