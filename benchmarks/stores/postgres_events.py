"""Measure storing a year's events of a run in PostgreSQL: Dagster's storage against givlake's.

    python -m benchmarks.stores.postgres_events FOLDER [--times 2]

Each way stores 730 materializations of 365 days, alternating in one process, on a PostgreSQL of
its own in the folder. Its CPU is that of all its processes, ended ones among them.
"""

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import dagster as dg
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.storage.event_log import EventLogStorage

from benchmarks.common import heading, new_folder, parser, print_load, row
from tests.support.postgres_server import PostgresServer

DAYS = [(date(2024, 1, 1) + timedelta(day)).isoformat() for day in range(365)]
KEYS = (dg.AssetKey(["archive", "points"]), dg.AssetKey("points"))
GROUP = 30
_TICKS = os.sysconf("SC_CLK_TCK")


def materialized(run_id: str, key: dg.AssetKey, day: str) -> dg.EventLogEntry:
    """Return the event of an asset's day, with metadata of about the real size."""
    content = dg.AssetMaterialization(key, partition=day, metadata={"requests": 3, "rows": 288})
    return dg.EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=10,
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        job_name="job",
        dagster_event=DagsterEvent(
            dg.DagsterEventType.ASSET_MATERIALIZATION.value,
            "job",
            event_specific_data=StepMaterializationData(content),
        ),
    )


def store(storage: EventLogStorage, run_id: str, *, grouped: bool) -> None:
    """Store a year's events, a group of days in a transaction or each event by itself."""
    for at in range(0, len(DAYS), GROUP):
        with storage.one_transaction(run_id) if grouped else nullcontext():  # type: ignore[attr-defined]
            for key in KEYS:
                for day in DAYS[at : at + GROUP]:
                    storage.store_event(materialized(run_id, key, day))


def server_cpu_s(main: int) -> float:
    """Return the CPU of a PostgreSQL server's processes."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(folder.name) == main:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == main:
            ticks += sum(map(int, fields[11:13]))
    return ticks / _TICKS


def measure(work: Callable[[], None], main: int) -> tuple[float, float, float]:
    """Return wall time, own CPU and the server's CPU of some work, in seconds."""
    server, wall, own = server_cpu_s(main), time.perf_counter(), time.process_time()
    work()
    own, wall = time.process_time() - own, time.perf_counter() - wall
    time.sleep(0.3)  # The last connection's process ends.
    return wall, own, server_cpu_s(main) - server


def main() -> None:
    """Print the times of each way."""
    from dagster_postgres.event_log import PostgresEventLogStorage

    from pipelines.dagster_workarounds.postgres import KeptPostgresStorage, with_driver

    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--times", type=int, default=2)
    options = arguments.parse_args()
    server = PostgresServer(new_folder(options.folder) / "postgres")
    dagsters = PostgresEventLogStorage(with_driver(server.create_database("dagsters")))
    kept = KeptPostgresStorage(server.create_database("kept")).event_log_storage
    ways: dict[str, tuple[EventLogStorage, bool]] = {
        "Dagster's storage": (dagsters, False),
        "kept connections": (kept, False),
        "kept, 30 days at once": (kept, True),
    }
    print(heading("way", "wall s", "CPU s", "PostgreSQL CPU s"))
    for turn in range(options.times):
        for name, (storage, grouped) in ways.items():
            work = partial(store, storage, f"{name} {turn}", grouped=grouped)
            print(row(name, *(f"{each:.2f}" for each in measure(work, server.pid))), flush=True)
    print_load()
    server.stop()


if __name__ == "__main__":
    main()
