"""Kill `givlake backfill` between the archive and the tables, then run the same command again.

    python -m benchmarks.stores.kills_after_fetch FOLDER [--each 10]

Each kill has a folder of its own: `givlake backfill` of some days of five datasets ends itself with
SIGKILL at a step, at a random dataset. Before anything builds, DuckDB counts the archived responses
that no build has accounted for, and `givlake verify` must find as many. Then the same command runs
again, and every table is compared with that of a folder without a kill. Ends with 1 if anything
differs.
"""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from benchmarks.common import ROOT, heading, new_folder, owner_of, parser, print_load, row
from simulator import Simulator, SimulatorConfig
from tests.support.owner import CommandResult, Owner, finished

KILLED = ("-m", "tests.support.killed")
KINDS = {
    "last responses archived": ("answers archived",),
    "segment flush": ("segment written", "segment published"),
    "build begun": ("build begun",),
    "table staged": ("table staged",),
    "journal written": ("journal written",),
    "catalogue publication": ("catalogue made", "catalogue in place"),
}
DATASETS = (
    "inverter_data_points", "energy_flows", "inverter_events", "ev_chargers",
    "ev_charging_sessions",
)  # fmt: skip
TABLES = (*DATASETS, "communication_devices", "inverters", "batteries")
COMMAND = ("backfill", "--start", date(2025, 5, 25), "--end", date(2025, 6, 7))
NOW = datetime(2025, 6, 20, 10, 30, tzinfo=UTC)


def kill(owner: Owner, step: str, skip: int) -> bool:
    """Run the command so that it ends itself at a step; False if it never got there so often."""
    command = [sys.executable, *KILLED, step, skip, "pipelines.cli", *COMMAND]
    process = subprocess.Popen(
        list(map(str, command)), cwd=owner.folder,
        env={**owner.environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    return finished(process).status == -signal.SIGKILL


def unbuilt(data: Path) -> int:
    """Count archived responses that no build has accounted for, by DuckDB alone."""
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
        ).fetchall()[0]
    return int(count)


def found_by_verify(done: CommandResult) -> int:
    """Add up what `givlake verify` says is not in the tables."""
    found = re.findall(
        r"([\d,]+) archived responses? of \S+ (?:is|are) not in its tables", done.out
    )
    return sum(int(count.replace(",", "")) for count in found)


def differing(owner: Owner, whole: Owner) -> tuple[int, int]:
    """Count rows that a folder lacks beside one that nobody killed, and rows that it has more."""
    short = more = 0
    with duckdb.connect() as connection:
        for name, each in (("killed", owner), ("whole", whole)):
            connection.execute(f"ATTACH '{each.data / 'warehouse.duckdb'}' AS {name} (READ_ONLY)")
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
                (count,) = connection.execute(query).fetchall()[0]
                short += count if one == "whole" else 0
                more += count if one == "killed" else 0
    return short, more


def recover(owner: Owner, whole: Owner) -> tuple[int, int, dict[str, int]]:
    """Run the command again; returns rows short, rows too many, and what must all be 0."""
    again = owner.process(*COMMAND)
    short, more = differing(owner, whole)
    gaps = "SELECT count(*) AS n FROM gaps WHERE cause = 'not_sent'"
    return short, more, {
        "backfill": again.status,
        "verify": owner.givlake("verify").status,
        "pending": len(owner.sql("FROM pending_responses")),
        "gaps": int(owner.sql(gaps) != whole.sql(gaps)),
    }  # fmt: skip


def killed_owner(sim: Simulator, folder: Path, step: str, chance: random.Random) -> Owner:
    """Return an owner whose command was killed at a step, after passing it some times."""
    skip = 0 if step.startswith("catalogue") else chance.randint(0, 6)
    while True:
        owner = owner_of(sim, new_folder(folder), *DATASETS)
        if kill(owner, step, skip):
            return owner
        if not skip:
            raise SystemExit(f"The command never gets to the step {step!r}.")
        skip = chance.randint(0, skip - 1)


def main() -> None:
    """Kill, look, run again, compare, count."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--each", type=int, default=10, help="kills of each kind")
    options = arguments.parse_args()
    folder, chance = new_folder(options.folder), random.Random(7)
    config = SimulatorConfig(
        inverters=3, ev_chargers=1, seed=7, rate_limit=100_000, rows_per_day=96,
        commissioned=date(2025, 1, 1), empty_day_rate=0.0, clock=NOW,
    )  # fmt: skip
    wrong = False
    with Simulator(config) as sim:
        whole = owner_of(sim, folder / "whole", *DATASETS)
        done = whole.process(*COMMAND)
        if done.status:
            raise SystemExit(done.output)
        rows = sum(whole.sql(f'SELECT count(*) AS n FROM "{name}"')[0]["n"] for name in TABLES)
        print(f"{rows:,} rows in {len(TABLES)} tables of the folder without a kill.\n")
        print_load()
        names = ("killed at", "kills", "archived and not built: by DuckDB", "by verify")
        print(heading(*names, "then: rows short", "rows too many", "others"))
        for kind, steps in KINDS.items():
            counted = verified = short = more = 0
            failures: list[str] = []
            for number in range(options.each):
                step = steps[number % len(steps)]
                owner = killed_owner(sim, folder / "killed", step, chance)
                if (owner.data / "store.json").exists() and kind != "catalogue publication":
                    # A decided change is completed by whoever takes the lock; verify does.
                    verified += found_by_verify(owner.givlake("verify"))
                    counted += unbuilt(owner.data)
                fewer, extra, ends = recover(owner, whole)
                short, more = short + fewer, more + extra
                failures += [f"{step}: {ends}"] if any(ends.values()) else []
            wrong |= bool(counted != verified or short or more or failures)
            told = "; ".join(failures) or "all right"
            print(row(kind, options.each, counted, verified, short, more, told), flush=True)
    print()
    print_load()
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
