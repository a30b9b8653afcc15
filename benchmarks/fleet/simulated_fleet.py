"""Measure what a fleet of accounts costs: by timers, and under one Dagster over PostgreSQL.

    python -m benchmarks.fleet.simulated_fleet FOLDER [--accounts 20] [--locations 10]

One simulator has all accounts, each with a token, a limit of 300 requests a minute and inverters of
its own, which are three days old. First every account's commands run as timers would start them:
the first `sync`, which fetches what there is, `sync` again, `metrics`. Then some accounts get
a code server each, with Dagster's web server and daemon, over one PostgreSQL: idle, and with one
run of each at once. CPU is that of the processes themselves, whatever else the machine does.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import mean, median

import psycopg2

from benchmarks.common import (
    Usage,
    measure,
    new_folder,
    parser,
    print_load,
    print_table,
    program,
    simulator_process,
)
from benchmarks.fleet.process_tree import TreeUsage, usage_of
from simulator.control import Control
from tests.support.fleet_services import FleetServices, fleet_services
from tests.support.owner import Owner
from tests.support.postgres_server import PostgresServer

_MB = 1e6


def main() -> None:
    """Run it and print tables."""
    options = parser(__doc__)
    options.add_argument("folder", type=Path, help="an empty folder is made of it")
    options.add_argument("--accounts", type=int, default=20)
    options.add_argument("--inverters", type=int, default=5, help="of each account")
    options.add_argument("--locations", type=int, default=10, help="accounts under Dagster")
    options.add_argument("--workers", type=int, default=2, help="commands at once")
    options.add_argument("--idle-s", type=int, default=60, help="how long Dagster is watched idle")
    given = options.parse_args()
    folder = new_folder(given.folder)
    print_load()
    names = [f"a{number:03}" for number in range(1, given.accounts + 1)]
    tokens = [word for n, name in enumerate(names, 1) for word in ("--token", f"{name}-token@{n}")]
    # New, so that there are no years of history to fetch first.
    commissioned = datetime.now(UTC).date() - timedelta(days=3)
    size = ("--inverters", given.inverters, "--gateways", 0, "--commissioned", commissioned)
    with simulator_process(*size, *tokens) as api:
        owners = {name: _owner(api, folder / "accounts" / name, name) for name in names}
        by_timers(api, owners, given.workers)
        print_load()
        if given.locations:
            under_dagster(folder, dict(list(owners.items())[: given.locations]), given.idle_s)
            print_load()


def _owner(api: Control, folder: Path, name: str) -> Owner:
    folder.mkdir(parents=True)
    settings = {
        "GIVENERGY_API_URL": api.about()["base_url"],
        "GIVLAKE_DATASETS": "",
        "GIVLAKE_RETRY_S": "75",
        "GIVLAKE_NAME": name,
    }
    return Owner(folder, settings, token=f"{name}-token")


def by_timers(api: Control, owners: Mapping[str, Owner], workers: int) -> None:
    """Run the commands of all accounts as timers would, and print what they cost."""
    rows = []
    for title, words in (
        ("first sync", ("sync",)),
        ("sync again", ("sync",)),
        ("metrics", ("metrics",)),
    ):
        api.clear_requests()
        began = time.monotonic()
        # Status 1: a device was not in contact, which is no failure of the benchmark.
        run = partial(measure, [program("givlake"), *words], statuses=(0, 1))
        with ThreadPoolExecutor(workers) as pool:
            used = list(pool.map(run, owners.values()))
        rows.append(_command_row(title, used, api, time.monotonic() - began))
    print_table(
        ["command", "CPU s per account", "CPU s of all", "wall s of all", "peak MB", "requests",
         "429"],
        rows,
    )  # fmt: skip
    sizes = [_bytes_of(owner.data) for owner in owners.values()]
    print(f"Data folder: {mean(sizes) / _MB:.1f} MB per account, all {sum(sizes) / _MB:.0f} MB.\n")


def _command_row(title: str, used: Sequence[Usage], api: Control, wall_s: float) -> list[object]:
    statuses = Counter(request["status"] for request in api.requests())
    cpu = [each.cpu_s for each in used]
    peak = max(each.peak_bytes for each in used) / _MB
    return [
        title, f"{median(cpu):.2f}", f"{sum(cpu):.0f}", f"{wall_s:.0f}", f"{peak:.0f}",
        statuses.total(), statuses[429],
    ]  # fmt: skip


def under_dagster(folder: Path, owners: Mapping[str, Owner], idle_s: int) -> None:
    """Run Dagster with a code location for each account, and print what it costs."""
    server = PostgresServer(folder / "postgres")
    database = server.create_database("dagster")
    try:
        began = time.monotonic()
        with fleet_services(folder / "services", owners, database) as services:
            parts = _parts(services, owners, server)
            started = {name: _usage(pids) for name, pids in parts.items()}
            start_s = time.monotonic() - began
            time.sleep(idle_s)
            idle = {name: _usage(pids) for name, pids in parts.items()}
            with _peaks(parts) as peaks:
                began = time.monotonic()
                runs = [services.page.launch("poll", location=name) for name in owners]
                ended = Counter(services.page.status_of(run) for run in runs)
                run_s = time.monotonic() - began
            after = {name: _usage(pids) for name, pids in parts.items()}
            print(
                f"{len(owners)} code locations were loaded after {start_s:.0f} s."
                f" One `poll` of each, launched at once: {dict(ended)} in {run_s:.0f} s.\n"
            )
            print_table(
                ["part", "processes", "CPU s to start", f"CPU s idle in {idle_s} s",
                 "MB idle (PSS)", "CPU s of the runs", "MB at most (PSS)"],
                [_part_row(name, started, idle, after, peaks) for name in parts],
            )  # fmt: skip
            _print_database(database, len(owners))
    finally:
        server.stop()


def _parts(
    services: FleetServices, owners: Mapping[str, Owner], server: PostgresServer
) -> dict[str, list[int]]:
    pids = {name: process.pid for name, process in services.processes.items()}
    return {
        "code servers": [pids[name] for name in owners],
        "web server": [pids["web"]],
        "daemon": [pids["daemon"]],
        "PostgreSQL": [server.pid],
    }


def _usage(pids: Sequence[int]) -> TreeUsage:
    each = [usage_of(pid) for pid in pids]
    return TreeUsage(
        sum(one.cpu_s for one in each),
        sum(one.pss_bytes for one in each),
        sum(one.processes for one in each),
    )


@contextmanager
def _peaks(parts: Mapping[str, Sequence[int]]) -> Iterator[dict[str, int]]:
    """Note the highest memory of each part while something runs."""
    peaks: dict[str, int] = {}
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(1):
            for name, pids in parts.items():
                peaks[name] = max(peaks.get(name, 0), _usage(pids).pss_bytes)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        is_over.set()
        watcher.join()


def _part_row(
    name: str,
    started: Mapping[str, TreeUsage],
    idle: Mapping[str, TreeUsage],
    after: Mapping[str, TreeUsage],
    peaks: Mapping[str, int],
) -> list[object]:
    return [
        name,
        idle[name].processes,
        f"{started[name].cpu_s:.1f}",
        f"{idle[name].cpu_s - started[name].cpu_s:.1f}",
        f"{idle[name].pss_bytes / _MB:.0f}",
        f"{after[name].cpu_s - idle[name].cpu_s:.1f}",
        f"{peaks.get(name, 0) / _MB:.0f}",
    ]


def _print_database(database: str, accounts: int) -> None:
    """Print what is in PostgreSQL and what was asked of it."""
    connection = psycopg2.connect(database)
    with connection, connection.cursor() as cursor:

        def one(query: str) -> int:
            cursor.execute(query)
            found = cursor.fetchone()
            assert found is not None
            return int(found[0])

        events, runs = one("SELECT count(*) FROM event_logs"), one("SELECT count(*) FROM runs")
        size = one("SELECT pg_total_relation_size('event_logs')")
        commits = one("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        opened = one("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        now = one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        whole = one("SELECT pg_database_size(current_database())")
    connection.close()
    print(
        f"PostgreSQL with {accounts} accounts: {runs} runs, {events} events of"
        f" {size / max(1, events):.0f} bytes with indexes, {whole / _MB:.0f} MB in all;"
        f" {commits:,} transactions, {opened:,} connections opened, {now} open now.\n"
    )


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
