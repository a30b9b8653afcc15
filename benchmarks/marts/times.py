"""Measure what each mart costs to query over five years of five inverters and two chargers.

    python -m benchmarks.marts.times FOLDER [--rounds 3] [--marts NAME…] [--profile NAME…]

FOLDER was made by `benchmarks.marts.long_history`. Every figure comes from a process of its own,
with two threads: cold is the first query of a fresh connection, warm the least of the following
ones on the same connection. Beside them the same SQL over tables of DuckDB with the same rows.
The figures are also written to times.json in FOLDER.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

from assets.marts.mart_file import marts
from benchmarks.common import ROOT, heading, parser, print_load, row
from pipelines.open_folder import open_lake
from tests.support.settings import settings_of

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


def make_native(data: Path) -> None:
    """Write a database in which all that marts read are DuckDB's own tables."""
    path = data / "native.duckdb"
    path.unlink(missing_ok=True)
    waiting = {mart.name: mart for mart in marts()}
    read = {name for mart in marts() for name in mart.reads} - waiting.keys()
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as files:
        tables = {name: files.sql(f"FROM {name}").to_arrow_table() for name in sorted(read)}
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, rows in tables.items():
            connection.register("rows_of_table", rows)
            connection.execute(f'CREATE TABLE "{name}" AS FROM rows_of_table')
        # A view is created as soon as what it reads is there.
        while waiting:
            made = [n for n, m in waiting.items() if not waiting.keys() & set(m.reads)]
            for name in made:
                connection.execute(waiting.pop(name).view_spec.create)


def profiled(data: Path, name: str) -> list[str]:
    """Return the dearest operators of a query, with their seconds of both threads and rows."""
    output = data / "profile.json"
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET threads = 2; SET TimeZone = 'UTC'")
        connection.execute("SET parquet_metadata_cache = true")
        connection.sql(queries()[name]).to_arrow_table()
        connection.execute("SET enable_profiling = 'json'")
        connection.execute(f"SET profiling_output = '{output}'; SET profiling_mode = 'detailed'")
        connection.execute(f"CREATE TEMP TABLE result AS {queries()[name]}")
        connection.execute("SET enable_profiling = 'no_output'")
    found: list[tuple[float, str]] = []
    waiting = list(json.loads(output.read_text())["operator"])
    while waiting:
        node = waiting.pop()
        waiting += node.get("children", ())
        facts = node.get("extra_info", {})
        shown = {key: facts[key] for key in ("Projections", "Groups", "Conditions") if key in facts}
        text = f"{node.get('type')}, {node.get('intermediate_rows')} rows {str(shown)[:110]}"
        found.append((node.get("timing", 0), text))
    found.sort(key=lambda each: -each[0])
    return [f"{seconds:.3f} s {text}" for seconds, text in found[:10]]


def in_a_process(database: Path, sql: str, rounds: int) -> dict[str, Any]:
    """Measure a query in a process of its own: its first round, and the least of the others."""
    command = [sys.executable, "-m", "benchmarks.marts.one_query", str(database), sql]
    done = subprocess.run(
        [*command, str(rounds + 1)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{sql}: {done.stderr[-2000:]}")
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
    options = arguments.parse_args()
    data = options.folder / "data"
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
        sql = queries()[name]
        figures[name] = files = in_a_process(data / "warehouse.duckdb", sql, options.rounds)
        tables = in_a_process(data / "native.duckdb", sql, options.rounds)
        files["tables"] = tables["warm"]
        cells = [files[kind][unit] for kind in ("cold", "warm") for unit in ("cpu", "wall")]
        print(row(name, *(f"{each:.3f}" for each in [*cells, tables["warm"]["cpu"]])), flush=True)
    (options.folder / "times.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
