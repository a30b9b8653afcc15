"""Measure what a grant costs in a file and in PostgreSQL, and two hosts that share an account.

    python -m benchmarks.budget.stores [--processes 1 4 16] [--grants 2000]
    python -m benchmarks.budget.stores --hosts [--window 20] [--requests 760]

A grant is permission to send and the record of the response: two transactions. All processes use
one account without a limit; CPU is that of the processes and, apart, of the PostgreSQL server.
Two hosts are groups of processes with a boot id of their own, so that none can look up those of the
other, against a simulator with 300 requests a window and 50 ms latency.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.common import parser, print_load, print_table
from givenergy.budget import RequestOutcome, SharedRequestBudget, Signal, process_identity
from givenergy.budget.postgres_url import PostgresUrl
from givenergy.budget.store_location import StoreLocation
from givenergy.client import Client
from givenergy.endpoints.inverter_endpoints import INVERTER_DATA_POINTS
from simulator import Simulator, SimulatorConfig
from tests.support.postgres_server import PostgresServer

SPAWN = multiprocessing.get_context("spawn")
# Without the imports of each process; nothing is open in the parent then.
FORK = multiprocessing.get_context("fork")
TIMEOUT_S = 3600
UNLIMITED = 10**9


def spend(where: StoreLocation, count: int, start: Any, results: Any) -> None:
    """Take grants and settle them, at the same time as other processes."""
    budget = SharedRequestBudget(where, account="one", limit=UNLIMITED)
    start.wait()
    waits, cpu_s = [], time.process_time()
    for _ in range(count):
        began = time.perf_counter()
        budget.grant().settle(Signal(RequestOutcome.ANSWERED))
        waits.append(time.perf_counter() - began)
    results.put((time.process_time() - cpu_s, waits))
    budget.close()


def cost(where: StoreLocation, processes: int, grants: int) -> tuple[float, float, float]:
    """Return grants a second, µs of CPU a grant and the 99th percentile of a grant in ms."""
    start, results = FORK.Barrier(processes + 1), FORK.Queue()
    count = grants // processes
    workers = [
        FORK.Process(target=spend, args=(where, count, start, results)) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    found = [results.get(timeout=TIMEOUT_S) for _ in workers]
    lasted_s = time.perf_counter() - began
    for worker in workers:
        worker.join()
    waits = sorted(wait for _, each in found for wait in each)
    cpu_us = 1e6 * sum(cpu_s for cpu_s, _ in found) / len(waits)
    return len(waits) / lasted_s, cpu_us, 1000 * waits[len(waits) * 99 // 100]


def without_hold(where: StoreLocation) -> StoreLocation:
    """Create a store whose first window without requests is over."""
    SharedRequestBudget(where, account="", window_s=0.06, margin_s=0.0).close()
    time.sleep(1.5)
    return where


def server_cpu_s() -> float:
    """Return the CPU time of PostgreSQL, a child of this process, and of its ended children."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:  # it has ended since
            continue
        fields = rest.split()
        if name.endswith("(postgres") and fields[1] == str(os.getpid()):
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measure_cost(options: argparse.Namespace, folder: Path, server: PostgresServer) -> None:
    """Print what a grant costs in each store."""
    rows: list[list[object]] = []
    for processes in options.processes:
        for name in ("SQLite", "PostgreSQL"):
            database = f"cost{processes}"
            where: StoreLocation = folder / f"{database}.sqlite"
            if name == "PostgreSQL":
                where = PostgresUrl(server.create_database(database))
            before_s = server_cpu_s()
            a_second, cpu_us, slowest_ms = cost(without_hold(where), processes, options.grants)
            server_us = 1e6 * (server_cpu_s() - before_s) / options.grants
            rows.append(
                [processes, name, f"{a_second:.0f}", f"{cpu_us:.0f}",
                 f"{server_us:.0f}" if name == "PostgreSQL" else "", f"{slowest_ms:.1f}"]
            )  # fmt: skip
    print_table(
        ("processes", "store", "grants/s", "CPU a grant, µs", "of the server, µs", "p99, ms"), rows
    )


def fetch_on_host(
    boot: str, where: PostgresUrl, sim: tuple[str, str, str, float], todo: Any
) -> None:
    """Fetch days until none is left, as a process of the host with this boot."""
    setattr(process_identity, "boot_id", lambda: boot)  # noqa: B010 - not one of its exports
    base_url, token, serial, window_s = sim
    budget = SharedRequestBudget(where, account="one", window_s=window_s)
    client = Client(base_url=base_url, token=token, budget=budget, connections=4)

    def one(_: int) -> None:
        while True:
            with todo.get_lock():
                number = todo.value
                todo.value -= 1
            if number <= 0:
                return
            day = f"2024-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}"
            client.fetch(INVERTER_DATA_POINTS, path={"inverter": serial, "date": day})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    client.close()
    budget.close()


def measure_hosts(options: argparse.Namespace, server: PostgresServer) -> None:
    """Print how full two hosts of two processes use the windows of one account."""
    config = SimulatorConfig(seed=7, rows_per_day=50, latency_s=0.05, rate_window_s=options.window)
    where = PostgresUrl(server.create_database("hosts"))
    with Simulator(config) as sim:
        without_hold(where)
        todo = SPAWN.Value("i", options.requests)
        target = (sim.base_url, sim.token, sim.serials[0], options.window)
        workers = [
            SPAWN.Process(target=fetch_on_host, args=(boot, where, target, todo))
            for boot in ("first host", "second host") * 2
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(TIMEOUT_S)
        stats = sim.stats()
    span_s = stats["last_at"] - stats["first_at"]
    ideal_s = (stats["requests"] - 1) // config.rate_limit * options.window
    print_table(
        ("requests", "429", "first to last, s", "ideal, s", "over ideal"),
        [[stats["requests"], stats["limited"], f"{span_s:.1f}", f"{ideal_s:.0f}",
          f"{span_s / ideal_s:.3f}"]],
    )  # fmt: skip


def main() -> None:
    """Measure and print Markdown."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--processes", type=int, nargs="+", default=[1, 4, 16], help="processes at once")
    add("--grants", type=int, default=2000, help="grants of all processes together")
    add("--hosts", action="store_true", help="measure two hosts instead")
    add("--window", type=float, default=20.0, help="s that the API's window lasts")
    add("--requests", type=int, default=760, help="requests of both hosts together")
    options = arguments.parse_args()
    print_load()
    with tempfile.TemporaryDirectory() as name:
        server = PostgresServer(Path(name, "postgres"))
        try:
            if options.hosts:
                measure_hosts(options, server)
            else:
                measure_cost(options, Path(name), server)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
