"""Measure what each mart costs to query over five years of five inverters and two chargers.

    python -m benchmarks.marts.times FOLDER [--rounds 3] [--marts NAME…] [--profile NAME…]

FOLDER was made by `benchmarks.marts.long_history`. Every figure comes from a process of its own,
with two threads: cold is the first query of a fresh connection, warm the least of the following
ones on the same connection. Beside them the same SQL over tables of DuckDB with the same rows.
The figures are also written to times.json in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from assets.marts.mart_file import marts
from benchmarks.common import heading, parser, print_load, row
from pipelines.session_factory import open_lake
from tests.support.settings import settings_of

STORED = ("inverter_data_points", "energy_flows", "ev_meter_readings", "ev_charging_sessions")
MONTH = (
    "FROM daily_energy WHERE inverter_serial = (SELECT min(inverter_serial) FROM inverters)"
    " AND local_date BETWEEN '2024-06-01' AND '2024-06-30'"
)
MACROS = {
    "cost_between, a year": "FROM cost_between('flat', '2024-01-01', '2024-12-31')",
    "energy_between, a year": "FROM energy_between('2024-01-01', '2024-12-31')",
    "typical_day, June": "FROM typical_day(6)",
}


def queries() -> dict[str, str]:
    """Return the queries that are measured, by name."""
    views = {mart.name: f"FROM {mart.name}" for mart in marts() if not mart.parameters}
    return {**views, **MACROS, "daily_energy, an inverter's month": MONTH}


def opened(data: Path, native: bool) -> duckdb.DuckDBPyConnection:
    """Open the catalogue read-only, or a copy of its views over tables of DuckDB."""
    if native:
        return duckdb.connect(str(data / "native.duckdb"), read_only=True)
    connection = duckdb.connect(str(data / "warehouse.duckdb"), read_only=True)
    connection.execute("SET parquet_metadata_cache = true")
    return connection


def measured(data: Path, sql: str, native: bool, rounds: int) -> list[dict[str, float]]:
    """Return the seconds of CPU and on the clock of the first query and of further ones."""
    found = []
    connection: duckdb.DuckDBPyConnection | None = None
    for _ in range(rounds + 1):
        cpu, wall = time.process_time(), time.perf_counter()
        if connection is None:
            connection = opened(data, native)
            connection.execute("SET threads = 2; SET TimeZone = 'UTC'")
        connection.execute(sql).to_arrow_table()
        found.append({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall})
    return found


def make_native(data: Path) -> None:
    """Write a database whose large tables are DuckDB's own; everything else reads the same."""
    path = data / "native.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as source:
        rows = source.execute(
            "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
    views = dict(rows)
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{data / 'warehouse.duckdb'}' AS files (READ_ONLY)")
        for name in STORED:
            connection.execute(f"CREATE TABLE {name} AS FROM files.{name}")
        waiting = {name: sql for name, sql in views.items() if name not in STORED}
        macros = [mart for mart in marts() if mart.parameters]
        # A view is created as soon as what it reads is there.
        for _ in range(30):
            for mart in list(macros):
                if _is_done(connection, mart.view_spec.statements()[0]):
                    macros.remove(mart)
            for name, sql in list(waiting.items()):
                if _is_done(connection, sql):
                    del waiting[name]
        connection.execute("DETACH files")
        if waiting or macros:
            print(f"Not in the tables of DuckDB: {', '.join(waiting)}")


def _is_done(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    try:
        connection.execute(sql)
    except duckdb.Error:
        return False
    return True


def profiled(data: Path, name: str) -> list[str]:
    """Return the dearest operators of a query, with their seconds and rows."""
    connection = opened(data, native=False)
    connection.execute("SET threads = 2; SET TimeZone = 'UTC'")
    connection.execute(queries()[name]).to_arrow_table()
    ((_, text),) = connection.execute(
        f"EXPLAIN (ANALYZE, FORMAT json) {queries()[name]}"
    ).fetchall()
    found: list[tuple[float, str]] = []

    def walk(node: dict[str, Any]) -> None:
        if "operator_timing" in node:
            facts = node.get("extra_info", {})
            shown = {
                k: v for k, v in facts.items() if k in ("Table", "Groups", "Conditions", "Function")
            }
            rows = node.get("operator_cardinality")
            found.append(
                (node["operator_timing"], f"{node.get('operator_name')} {rows} {str(shown)[:160]}")
            )
        for child in node.get("children", ()):
            walk(child)

    walk(json.loads(text))
    found.sort(key=lambda each: -each[0])
    return [f"{seconds:.3f} s {text}" for seconds, text in found[:12]]


def in_a_process(options: argparse.Namespace, name: str, native: bool) -> dict[str, Any]:
    """Measure a query in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.marts.times", str(options.folder), "--one", name]
    command += ["--rounds", str(options.rounds), *(["--native"] if native else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    first, *others = json.loads(done.stdout)
    least = {kind: min(each[kind] for each in others) for kind in ("cpu", "wall")}
    return {"cold": first, "warm": least}


def main() -> None:
    """Print the table."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--marts", nargs="*")
    arguments.add_argument("--profile", nargs="*", default=())
    arguments.add_argument("--one", help=argparse.SUPPRESS)
    arguments.add_argument("--native", action="store_true", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    data = options.folder / "data"
    if options.one:
        found = measured(data, queries()[options.one], options.native, options.rounds)
        print(json.dumps(found))
        return
    for name in options.profile:
        print(name, *profiled(data, name), sep="\n")
    if options.profile:
        return
    print_load()
    # The views of this code, also over a folder that another one made.
    with open_lake(settings_of({"GIVLAKE_DATA": str(data)}), repair=False):
        make_native(data)
    figures = {}
    print(
        heading("query", "cold CPU s", "cold wall s", "warm CPU s", "warm wall s", "tables CPU s")
    )
    for name in options.marts or queries():
        figures[name] = files = in_a_process(options, name, native=False)
        tables = in_a_process(options, name, native=True)
        files["tables"] = tables["warm"]
        cells = [files[kind][unit] for kind in ("cold", "warm") for unit in ("cpu", "wall")]
        print(row(name, *(f"{each:.3f}" for each in [*cells, tables["warm"]["cpu"]])), flush=True)
    (options.folder / "times.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
