"""What a grant costs, and what the budget adds to a backfill that no limit holds up.

    python -m benchmarks.budget_cost [--grants 3000] [--requests 447]

A grant here is the whole of it: leave to send and the record of the answer, two transactions.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from benchmarks.budget_common import SPAWN, Job, budget_of, day_of, table
from givenergy.budget import RequestOutcome, Signal, SqliteRequestBudget
from givenergy.client import Client
from givenergy.endpoints import INVERTER_DATA_POINTS
from simulator import Simulator, SimulatorConfig

LIMIT = 10_000_000


def grants(store: Path, count: int, start: Any, answers: Any) -> None:
    """Take and settle grants as fast as possible; puts wall and CPU seconds."""
    budget = SqliteRequestBudget(store, account="cost", limit=LIMIT)
    answer = Signal(RequestOutcome.ANSWERED, LIMIT, LIMIT - 1)
    budget.grant().settle(answer)
    start.wait()
    began, cpu = time.monotonic(), time.process_time()
    for _ in range(count):
        budget.grant().settle(answer)
    answers.put((time.monotonic() - began, time.process_time() - cpu))
    budget.close()


def cost_of_grants(processes: int, count: int) -> tuple[float, float, float]:
    """Wall and CPU microseconds of a grant, and grants a second over all processes."""
    with tempfile.TemporaryDirectory() as folder:
        answers, start = SPAWN.Queue(), SPAWN.Barrier(processes)
        args = (Path(folder) / "budget.sqlite", count, start, answers)
        workers = [SPAWN.Process(target=grants, args=args) for _ in range(processes)]
        for worker in workers:
            worker.start()
        figures = [answers.get(timeout=600) for _ in workers]
        for worker in workers:
            worker.join()
    wall = max(figure[0] for figure in figures)
    cpu = sum(figure[1] for figure in figures)
    total = count * processes
    return wall / count * 1e6, cpu / total * 1e6, total / wall


def backfill(job: Job, how: str, answers: Any) -> None:
    """Fetch all device-days with eight threads, bare or by the client; puts wall and CPU."""
    paths = [day_of(job, number) for number in range(job.requests)]
    budget = budget_of(job)
    client = Client(base_url=job.base_url, token=job.token, budget=budget)
    session = requests.Session()
    session.trust_env = False
    session.headers.update({"Authorization": f"Bearer {job.token}", "Accept": "application/json"})
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=8)
    session.mount("http://", adapter)

    def bare(path: tuple[str, str]) -> int:
        url = f"{job.base_url}/inverter/{path[0]}/data-points/{path[1]}"
        return len(session.get(url, params={"page": 1, "pageSize": 100_000}).content)

    def fetched(path: tuple[str, str]) -> int:
        parameters = {"inverter": path[0], "date": path[1]}
        return len(client.fetch(INVERTER_DATA_POINTS, path=parameters).pages[0].body)

    one = bare if how == "bare" else fetched
    one(paths[0])
    began, cpu = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(8) as pool:
        size = sum(pool.map(one, paths))
    answers.put((time.monotonic() - began, time.process_time() - cpu, size))


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grants", type=int, default=3000)
    parser.add_argument("--requests", type=int, default=447)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    rows = []
    for processes in (1, 2, 16):
        wall, cpu, rate = cost_of_grants(processes, given.grants // processes)
        rows.append([processes, f"{wall:.0f}", f"{cpu:.0f}", f"{rate:.0f}"])
    print(table(["processes", "wall, µs", "CPU, µs", "grants a second, all"], rows), "\n")

    rows = []
    for latency in (0.0, 0.05):
        config = SimulatorConfig(seed=7, rate_limit=LIMIT, latency_s=latency)
        with Simulator(config) as sim, tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "budget.sqlite"
            job = Job(sim.base_url, sim.token, tuple(sim.serials), store, given.requests)
            sim.warm("2024-01-01", day_of(job, given.requests)[1])
            best: dict[str, tuple[float, float]] = {}
            for _ in range(given.rounds):
                for how in ("bare", "client"):
                    answers = SPAWN.Queue()
                    worker = SPAWN.Process(target=backfill, args=(job, how, answers))
                    worker.start()
                    wall, cpu, _ = answers.get(timeout=300)
                    worker.join()
                    former = best.get(how, (wall, cpu))
                    best[how] = (min(wall, former[0]), min(cpu, former[1]))
        for how, (wall, cpu) in best.items():
            ratios = (wall / best["bare"][0], cpu / best["bare"][1])
            rows.append(
                [f"{latency * 1000:.0f}", how, f"{wall:.2f}", f"{cpu:.2f}"]
                + [f"{r:.2f}" for r in ratios]
            )
    print(table(["latency, ms", "loop", "wall, s", "CPU, s", "wall ratio", "CPU ratio"], rows))


if __name__ == "__main__":
    main()
