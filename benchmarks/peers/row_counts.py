"""Rows that each kind has stored, by dataset."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import duckdb

from benchmarks.peers.dlt_environment import FOLDER as DLT
from benchmarks.peers.work import EVENTS, FLOWS, POINTS, READINGS

_TABLES = (POINTS, FLOWS, EVENTS, READINGS)


def rows_in_parquet(data: Path) -> dict[str, int]:
    """Count the rows of a folder of Parquet files of each table."""
    return {name: _sum("count(*)", data.glob(f"{name}/*.parquet")) for name in _TABLES}


def rows_of_givlake(data: Path) -> dict[str, int]:
    """Count the rows that were received: each is stored, the same as another, or in quarantine."""
    received = "coalesce(sum(new + identical + superseding + superseded + quarantined), 0)"
    accounts = data / "index" / "row_accounting"
    return {name: _sum(received, (accounts / name).glob("part-*.parquet")) for name in _TABLES}


def rows_in_dlt(data: Path) -> dict[str, int]:
    """Count the rows of the DuckDB file that dlt has written, with dlt's DuckDB."""
    counts = ", ".join(f"(SELECT count(*) FROM work_a.{name})" for name in _TABLES)
    code = "import duckdb, sys; print(*duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchone())"
    program = [str(DLT / "bin/python"), "-c", code]
    command = [*program, str(data / "rows.duckdb"), f"SELECT {counts}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip(_TABLES, map(int, done.stdout.split()), strict=True))


def _sum(expression: str, files: Iterable[Path]) -> int:
    names = list(map(str, files))
    if not names:
        return 0
    sql = f"SELECT {expression} FROM read_parquet(?, hive_partitioning = false)"
    (value,) = duckdb.execute(sql, [names]).fetchone() or (0,)
    return int(value)
