"""Tamper with a data folder, and see what `givlake verify` says and whether its advice helps.

    python -m benchmarks.provability.tampering FOLDER [--only TEXT]

Two inverters over the end of a month, points and energy flows. Each time a copy of the folder is
tampered with and verified; then the commands that the findings name are run, and a `backfill` for
what the archive has lost. In the end the manifest's hashes must be those of before, or the
benchmark ends with 1.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.common import heading, new_folder, owner_of, parser, row
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner
from tests.support.simulator_truth import days_between
from warehouse.storage.atomic_files import sha256_of

DAYS = days_between(date(2025, 5, 30), date(2025, 6, 2))
FETCH = ("backfill", "--start", DAYS[0], "--end", DAYS[-1])
POINTS = "tables/inverter_data_points/month=2025-{}/part-0-of-1.parquet"
MAY, JUNE = POINTS.format("05"), POINTS.format("06")
# Of what `verify` says; a damaged archive file is named for each dataset.
_LINES = 4
UNIT = "index/manifests/build-inverter_data_points.json"


def segments(data: Path) -> list[Path]:
    """Return the archive's files in order."""
    return sorted((data / "archive/segments").iterdir())


def largest(data: Path) -> Path:
    """Return the archive file of the points, which lies between others."""
    return max(segments(data), key=lambda path: path.stat().st_size)


def flip(path: Path, column: str) -> None:
    """Flip a byte in the middle of a column: other bytes of a Parquet file may mean nothing."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    (chunk,) = (one for one in columns if one.path_in_schema == column)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    raw = bytearray(path.read_bytes())
    raw[start + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(bytes(raw))


def cut(path: Path) -> None:
    """Cut the second half off."""
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])


def swap(one: Path, other: Path) -> None:
    """Exchange the contents of two files."""
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def rewrite(path: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change rows with pyarrow, keeping the schema."""
    table = pq.read_table(path, partitioning=None)
    rows = table.to_pylist()
    pq.write_table(pa.Table.from_pylist(change(rows) or rows, table.schema), path)


def one_value(rows: list[dict[str, Any]], value: object = 12_345.0) -> None:
    """Change one value of one row."""
    rows[40]["solar_power_w"] = value


def forged(data: Path, name: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change rows, and let the file of manifests say that givlake wrote them."""
    rewrite(data / name, change)
    path, manifest = data / name, json.loads((data / UNIT).read_text())
    stat, rows = path.stat(), pq.read_metadata(path).num_rows
    manifest["files"][name] = [rows, stat.st_size, stat.st_mtime_ns, sha256_of(path)]
    (data / UNIT).write_text(json.dumps(manifest))


def other_body(rows: list[dict[str, Any]]) -> None:
    """Change a figure of an archived body; its hash stands beside it."""
    row = max(rows, key=lambda row: len(row["body"] or b""))
    row["body"] = row["body"].replace(b'"power":', b'"power" :', 1)


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file."""
    text = json.loads(path.read_text())
    change(text)
    path.write_text(json.dumps(text))


TAMPERINGS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda data: None,
    "archive: a byte of a body flipped": lambda data: flip(largest(data), "body"),
    "archive: a file cut short": lambda data: cut(largest(data)),
    "archive: a file in the middle deleted": lambda data: largest(data).unlink(),
    "archive: the newest file deleted": lambda data: segments(data)[-1].unlink(),
    "archive: two files swapped": lambda data: swap(largest(data), segments(data)[0]),
    "archive: a body edited": lambda data: rewrite(largest(data), other_body),
    "table: a byte flipped": lambda data: flip(data / JUNE, "solar_power_w"),
    "table: a file cut short": lambda data: cut(data / JUNE),
    "table: a file deleted": lambda data: (data / JUNE).unlink(),
    "table: one value edited": lambda data: rewrite(data / JUNE, one_value),
    "table: one value edited, manifest made to match": lambda data: forged(data, JUNE, one_value),
    "table: one value made null, manifest made to match": lambda data: forged(
        data, JUNE, lambda rows: one_value(rows, None)
    ),
    "table: three rows removed, manifest made to match": lambda data: forged(
        data, JUNE, lambda rows: rows[3:]
    ),
    "table: two rows doubled, manifest made to match": lambda data: forged(
        data, JUNE, lambda rows: [*rows, *rows[:2]]
    ),
    "table: two months swapped": lambda data: swap(data / JUNE, data / MAY),
    "table: a file added": lambda data: shutil.copy(
        data / JUNE, (data / JUNE).with_name("mine.parquet")
    ),
    "index of requests: a byte flipped": lambda data: flip(
        next((data / "index/requests").glob("part*")), "fetched_at"
    ),
    "index of requests: deleted": lambda data: shutil.rmtree(data / "index/requests"),
    "coverage: a state edited": lambda data: rewrite(
        data / "index/coverage/month=2025-06.parquet",
        lambda rows: rows[0].update(state="empty"),
    ),
    "quarantine: deleted": lambda data: shutil.rmtree(data / "index/quarantine"),
    "accounts of rows: edited": lambda data: rewrite(
        next((data / "index/row_accounting/inverter_data_points").glob("part*")),
        lambda rows: rows[0].update(rows_in=9),
    ),
    "manifest of files: a hash edited": lambda data: edit_json(
        data / UNIT, lambda text: text["files"][JUNE].__setitem__(3, "0" * 64)
    ),
    "manifest of files: deleted": lambda data: (data / UNIT).unlink(),
    "expected days: deleted": lambda data: (data / "expected_days.parquet").unlink(),
    "catalogue: deleted": lambda data: (data / "warehouse.duckdb").unlink(),
}


def hashes(owner: Owner, file: Path) -> tuple[int, dict[str, str]]:
    """Verify, and give the hash of each device's rows of points and flows."""
    status = owner.givlake("verify", "--manifest", file).status
    tables = json.loads(file.read_text())["tables"]
    return status, {
        f"{name} {entry['device']}": entry["sha256"]
        for name in ("inverter_data_points", "energy_flows")
        for entry in tables[name]["devices"]
    }


def tampered(name: str, sim: Simulator, folder: Path, whole: Owner) -> list[object]:
    """Tamper with a copy, and return the row of the table."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole.folder, folder)
    owner = owner_of(sim, folder, "inverter_data_points", "energy_flows")
    before = hashes(whole, folder / "before.json")[1]
    TAMPERINGS[name](owner.data)
    found = owner.givlake("verify")
    lines = [line for line in found.output.splitlines() if not line.startswith(("proven", "Every"))]
    advised = dict.fromkeys(re.findall(r"run givlake ((?:rebuild|check)[^;.\n]*)", found.output))
    done = []
    for command in advised:
        owner.givlake(*command.split())
        done.append(f"`{command}`")
    status, after = hashes(owner, folder / "after.json")
    if status or after != before:
        for arguments in (("rebuild",), FETCH):
            owner.givlake(*arguments)
            done.append(f"`{arguments[0]}`")
        status, after = hashes(owner, folder / "after.json")
    said = "<br>".join(shown(line) for line in lines[:_LINES]) or "nothing"
    said += f"<br>and {len(lines) - _LINES} more" if len(lines) > _LINES else ""
    same = "yes" if after == before and not status else "**NO**"
    return [name, found.status, said, ", ".join(done), same]


def shown(line: str) -> str:
    """Shorten a line and escape it for a table."""
    line = re.sub(r"\(the first: [^)]*\)", "(the first: …)", line.removeprefix("damage  "))
    return line.replace("|", "\\|")


def main() -> None:
    """Tamper, verify, repair, compare."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--only", default="", help="cases whose name holds this text")
    options = arguments.parse_args()
    folder = new_folder(options.folder)
    config = SimulatorConfig(
        inverters=2, gateways=0, seed=7, rate_limit=100_000, rows_per_day=100, empty_day_rate=0.0,
        commissioned=DAYS[0],
    )  # fmt: skip
    wrong = False
    with Simulator(config) as sim:
        whole = owner_of(sim, folder / "whole", "inverter_data_points", "energy_flows")
        for day in reversed(DAYS):
            whole.givlake("backfill", "--start", day, "--end", day)
        print(heading("tampered with", "exit", "`verify` says", "then", "the same hashes again"))
        for name in TAMPERINGS:
            if options.only in name:
                cells = tampered(name, sim, folder / "tampered", whole)
                wrong |= cells[-1] != "yes"
                print(row(*cells), flush=True)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
