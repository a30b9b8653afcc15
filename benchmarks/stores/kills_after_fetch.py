"""kill -9 of the real command between the archive and the tables, and the same command again.

    python benchmarks/stores_kills_after_fetch.py FOLDER [--each 10]

Each kill has a folder of its own: `givlake backfill` of some days of five datasets ends itself at
a step, chosen among the datasets by chance. Before anything builds, DuckDB counts the archived
answers that no build has accounted for, and `givlake verify` must find as many. Then the same
command runs again, and every table is compared with that of a folder that nobody killed.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Done, Owner, finished

KILLED = ("-m", "tests.support.killed")
KINDS = {
    "last answers archived": ("answers archived",),
    "segment flush": ("segment written", "segment published"),
    "build begun": ("build begun",),
    "table staged": ("table staged",),
    "journal written": ("journal written",),
    "catalogue publication": ("catalogue made", "catalogue in place"),
}
DATASETS = "inverter_data_points,energy_flows,inverter_events,ev_chargers,ev_charging_sessions"
TABLES = (
    "inverter_data_points", "energy_flows", "inverter_events", "ev_chargers",
    "ev_charging_sessions", "communication_devices", "inverters", "batteries",
)  # fmt: skip
COMMAND = ("backfill", "--start", date(2025, 5, 25), "--end", date(2025, 6, 7))
NOW = datetime(2025, 6, 20, 10, 30, tzinfo=UTC)


def kill(owner: Owner, step: str, skip: int) -> bool:
    """Run the command so that it ends itself at a step; False if it never got there so often."""
    command = [sys.executable, *KILLED, step, skip, "pipelines.cli", *COMMAND]
    process = subprocess.Popen(
        list(map(str, command)), cwd=owner.folder, env=owner.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    return finished(process).status == -signal.SIGKILL


def unbuilt(data: Path) -> int:
    """Count archived answers that no build has accounted for, by DuckDB alone."""
    archive = list((data / "archive").glob("*/*.parquet"))
    accounted = list((data / "index/row_accounting").rglob("*.parquet"))
    if not archive:
        return 0
    with duckdb.connect() as connection:
        files = [str(path) for path in accounted]
        connection.execute("CREATE TABLE accounted (response_id BIGINT)")
        if files:
            connection.execute(
                "INSERT INTO accounted SELECT response_id FROM read_parquet(?)", [files]
            )
        (count,) = connection.execute(
            "SELECT count(DISTINCT response_id) FROM read_parquet(?, union_by_name = true)"
            " WHERE outcome = 'ok' AND response_id NOT IN (FROM accounted)",
            [[str(path) for path in archive]],
        ).fetchone()
    return int(count)


def found_by_verify(done: Done) -> int:
    """Add up what `givlake verify` says is not in the tables."""
    found = re.findall(
        r"([\d,]+) archived responses? of \S+ (?:is|are) not in its tables", done.out
    )
    return sum(int(count.replace(",", "")) for count in found)


def differing(owner: Owner, whole: Owner) -> tuple[int, int]:
    """Count rows that a folder lacks beside one that nobody killed, and rows that it has more."""
    short = more = 0
    with duckdb.connect() as connection:
        for name, of in (("killed", owner), ("whole", whole)):
            connection.execute(f"ATTACH '{of.data / 'warehouse.duckdb'}' AS {name} (READ_ONLY)")
        for table in TABLES:
            left = ", ".join(
                f'"{column}"'
                for (column,) in connection.execute(
                    "SELECT column_name FROM duckdb_columns() WHERE database_name = 'whole'"
                    " AND table_name = ? AND column_name NOT IN"
                    " ('response_id', 'fetched_at', 'valid_from', 'valid_to')"
                    # Pseudonyms differ from folder to folder.
                    " AND column_name NOT IN ('started_by', 'stopped_by')",
                    [table],
                ).fetchall()
            )
            for one, other in (("whole", "killed"), ("killed", "whole")):
                query = (
                    f'SELECT count(*) FROM (SELECT {left} FROM {one}."{table}"'
                    f' EXCEPT ALL SELECT {left} FROM {other}."{table}")'
                )
                (count,) = connection.execute(query).fetchone()
                short += count if one == "whole" else 0
                more += count if one == "killed" else 0
    return short, more


def main() -> None:
    """Kill, look, run again, compare, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=10)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    chance = random.Random(7)
    config = SimulatorConfig(
        inverters=3, ev_chargers=1, seed=7, rate_limit=100_000, rows_per_day=96,
        commissioned=date(2025, 1, 1), empty_day_rate=0.0, clock=NOW,
    )  # fmt: skip
    begun = time.monotonic()
    with Simulator(config) as sim:

        def owner_of(name: str) -> Owner:
            folder = arguments.folder / name
            folder.mkdir(parents=True)
            settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": DATASETS}
            return Owner(folder, settings, token=sim.token)

        whole = owner_of("whole")
        done = whole.process(*COMMAND)
        if done.status:
            sys.exit(done.said)
        rows = sum(whole.sql(f'SELECT count(*) AS n FROM "{name}"')[0]["n"] for name in TABLES)
        print(f"{rows:,} rows in {len(TABLES)} tables of the folder that nobody killed.\n")
        print(
            "| killed at | kills | answers archived and not built: by DuckDB | by verify "
            "| then: rows short | rows too many | status, verify, gaps |"
        )
        print("|---|---|---|---|---|---|---|")
        for kind, steps in KINDS.items():
            counted, verified, short, more, failures, kills = 0, 0, 0, 0, [], 0
            while kills < arguments.each:
                owner = owner_of(f"{kind}-{kills}".replace(" ", "-"))
                step = steps[kills % len(steps)]
                skip = 0 if step.startswith("catalogue") else chance.randint(0, 6)
                while not kill(owner, step, skip):
                    shutil.rmtree(owner.folder)
                    owner = owner_of(owner.folder.name)
                    skip = chance.randint(0, skip - 1)
                kills += 1
                if (owner.data / "store.json").exists() and kind != "catalogue publication":
                    # What was decided is finished by whoever takes the lock; verify does.
                    said = owner.givlake("verify")
                    verified += found_by_verify(said)
                    counted += unbuilt(owner.data)
                again = owner.process(*COMMAND)
                lacks, has_more = differing(owner, whole)
                short, more = short + lacks, more + has_more
                causes = owner.sql("SELECT count(*) AS n FROM gaps WHERE cause = 'not_sent'")
                ends = {
                    "backfill": again.status,
                    "verify": owner.givlake("verify").status,
                    "pending": len(owner.sql("FROM pending_responses")),
                    "gaps": int(causes != whole.sql(
                        "SELECT count(*) AS n FROM gaps WHERE cause = 'not_sent'"
                    )),
                }  # fmt: skip
                failures += [f"{step} {skip}: {ends}"] if any(ends.values()) else []
                shutil.rmtree(owner.folder)
            print(
                f"| {kind} | {kills} | {counted} | {verified} | {short} | {more} "
                f"| {'; '.join(failures) or 'all right'} |",
                flush=True,
            )
    print(f"\n{time.monotonic() - begun:.0f} s in all.")


if __name__ == "__main__":
    main()
