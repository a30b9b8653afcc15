"""Make a data folder with five years of five inverters and two chargers, for measuring times.

    python -m benchmarks.marts.long_history FOLDER [--blocks 66]

Four weeks of a simulated account are ingested over HTTP; their rows, shifted by multiples of four
weeks, are written as the tables' Parquet files, with facts that every day is complete. Each
inverter lacks the flows of four days and the points of two. Energies of a block repeat those of
the others: results say nothing about truth, times do.
"""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from benchmarks.common import ROOT, new_folder, owner_of, parser
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner

# Winter, in which local time is UTC.
FIRST, LAST = date(2025, 11, 3), date(2025, 11, 30)
DATASETS = (
    "inverter_data_points", "energy_flows", "ev_charging_sessions", "ev_meter_readings",
    "inverter_events",
)  # fmt: skip
CONFIG = SimulatorConfig(
    inverters=5, gateways=1, ev_chargers=2, ev_points_every_s=900, cheap_hours="00:30-05:30",
    seed=3, rate_limit=100_000, empty_day_rate=0.0, flow_gap_rate=0.0, rows_per_day=288,
    commissioned=date(2020, 6, 1), clock=datetime(2025, 12, 20, 12, tzinfo=UTC),
)  # fmt: skip
TARIFFS = ROOT / "docs/examples/tariffs"
# Instants and the columns that follow from them, of each table.
TABLES = {
    "inverter_data_points": ("inverter_serial", "time", {"local_time": "time"}),
    "energy_flows": (
        "inverter_serial",
        "start_at",
        {"start_local": "start_at", "end_local": "end_at"},
    ),
    "ev_meter_readings": ("charger_uuid", "time", {"local_time": "time"}),
}
FLOWS_LOST = ("2021-03-14", "2022-07-09", "2023-10-29", "2025-02-02")
POINTS_LOST = ("2021-08-08", "2024-01-17")


def history_of(folder: Path, blocks: int) -> Owner:
    """Make the folder.

    Args:
        folder: The owner's folder, which is emptied first.
        blocks: Number of blocks of four weeks.
    """
    with Simulator(CONFIG) as sim:
        owner = owner_of(sim, new_folder(folder), *DATASETS)
        for arguments in (
            ("backfill", "--start", FIRST, "--end", LAST),
            *(
                ("tariffs", "load", TARIFFS / f"{name}.toml")
                for name in ("flat", "two-rate", "bands")
            ),
            ("tariffs", "use", "two-rate", "--from", "2024-01-01"),
        ):
            done = owner.givlake(*arguments)
            if done.status:
                raise SystemExit(done.output)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            f"CREATE TABLE shifts AS SELECT 28 * b AS days FROM range({blocks}) t(b)"
        )
        for name in TABLES:
            _repeat(connection, owner.data, name)
        _repeat_sessions(connection, owner.data)
        _repeat_facts(connection, owner.data)
    return owner


def _repeat(connection: duckdb.DuckDBPyConnection, data: Path, name: str) -> None:
    """Write the rows of all blocks by month, sorted as the tables are."""
    device, moment, local = TABLES[name]
    folder = data / "tables" / name
    files = list(folder.glob("month=*/*.parquet"))
    names = [str(path) for path in files]
    lost = {"energy_flows": FLOWS_LOST, "inverter_data_points": POINTS_LOST}.get(name, ("",))
    moments = sorted({moment, *local.values()})
    day = f"timezone('Europe/London', {moment} - to_days(days::INT))::DATE"
    replaced = [f"{each} - to_days(days::INT) AS {each}" for each in [*moments, "fetched_at"]]
    replaced += [
        f"timezone('Europe/London', {at} - to_days(days::INT)) AS {each}"
        for each, at in local.items()
    ]
    replaced += [f"{day} AS local_date", f"{day} AS request_date"]
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE repeated AS SELECT rows.* REPLACE ({", ".join(replaced)})
        FROM read_parquet({names}, hive_partitioning = false) AS rows CROSS JOIN shifts
        WHERE {moment}::DATE BETWEEN '{FIRST}' AND '{LAST}'
        AND {day}::VARCHAR NOT IN {(*lost, "")}"""
    )
    for month in {path.parent for path in files}:
        shutil.rmtree(month)
    months = connection.execute(
        f"SELECT DISTINCT strftime({moment}, '%Y-%m') FROM repeated ORDER BY 1"
    ).fetchall()
    for (name_of_month,) in months:
        part = folder / f"month={name_of_month}"
        part.mkdir()
        connection.execute(
            f"COPY (FROM repeated WHERE strftime({moment}, '%Y-%m') = '{name_of_month}'"
            f" ORDER BY {device}, {moment})"
            f" TO '{part}/part-0-of-1.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )


def _repeat_sessions(connection: duckdb.DuckDBPyConnection, data: Path) -> None:
    (path,) = (data / "tables/ev_charging_sessions").glob("part*.parquet")
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE repeated AS SELECT rows.* REPLACE (
            started_at - to_days(days::INT) AS started_at,
            stopped_at - to_days(days::INT) AS stopped_at,
            timezone('Europe/London', started_at - to_days(days::INT)) AS started_local,
            timezone('Europe/London', started_at - to_days(days::INT))::DATE AS local_date)
        FROM read_parquet('{path}') AS rows CROSS JOIN shifts
        WHERE started_at::DATE BETWEEN '{FIRST}' AND '{LAST}'"""
    )
    connection.execute(f"COPY repeated TO '{path}' (FORMAT parquet)")


def _repeat_facts(connection: duckdb.DuckDBPyConnection, data: Path) -> None:
    """Say of every day what is said of its block's."""
    for path in (data / "index/coverage").glob("*.parquet"):
        if path.name == "_schema.parquet":
            continue
        connection.execute(f"CREATE OR REPLACE TEMP TABLE facts AS FROM read_parquet('{path}')")
        columns = connection.execute("DESCRIBE facts").fetchall()
        moments = [name for name, kind, *_ in columns if kind.startswith("TIMESTAMP")]
        shifted = [f'"{name}" - to_days(days::INT) AS "{name}"' for name in moments]
        shifted.append("(request_date - days::INT)::DATE AS request_date")
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE repeated AS
            SELECT facts.* REPLACE ({", ".join(shifted)}) FROM facts CROSS JOIN shifts
            WHERE request_date BETWEEN '{FIRST}' AND '{LAST}'
            UNION ALL FROM facts WHERE request_date NOT BETWEEN '{FIRST}' AND '{LAST}'"""
        )
        connection.execute(f"COPY repeated TO '{path}' (FORMAT parquet)")


def main() -> None:
    """Make the folder."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--blocks", type=int, default=66)
    options = arguments.parse_args()
    owner = history_of(options.folder, options.blocks)
    counted = "SELECT count(*) AS rows, min(local_date) AS first, max(local_date) AS last FROM"
    for name in (*TABLES, "ev_charging_sessions", "inverter_days"):
        print(name, owner.sql(f"{counted} {name}"))


if __name__ == "__main__":
    main()
