"""Beside a neighbour who spends 100 requests a minute, and today's data behind a backfill.

    python -m benchmarks.budget_neighbour
    python -m benchmarks.budget_neighbour --today

The neighbour is the simulator's own: it spends from the account without knowing of us.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.budget_common import (
    SPAWN,
    Job,
    budget_of,
    day_of,
    run_workers,
    table,
    windows_of,
    work,
)
from givenergy.budget import Priority
from givenergy.client import Client
from givenergy.endpoints import INVERTER_DATA_POINTS
from simulator import Simulator, SimulatorConfig


def beside_a_neighbour(job: Job, sim: Simulator, each_minute: int) -> str:
    """Backfill while a neighbour spends evenly; a table of the windows."""
    stop = threading.Event()
    refused: Counter[int] = Counter()

    def neighbour() -> None:
        while not stop.wait(60 / each_minute):
            limited = sim.spend(1)
            refused[len(windows_of(sim))] += limited

    thread = threading.Thread(target=neighbour)
    thread.start()
    figures = run_workers(job, 1)
    stop.set()
    thread.join()
    ours = Counter(r.window for r in sim.requests if r.status == 429)
    rows = [
        [
            w["number"],
            w["used"],
            w["neighbours"],
            refused[w["number"]],
            ours[w["number"]],
        ]
        for w in windows_of(sim)
    ]
    later = [row for row in rows if row[0] > 1]
    asked = sum(row[2] for row in later)
    share = sum(row[3] for row in later) / max(1, asked)
    heads = ["window", "used together", "asked by the neighbour", "its 429", "our 429"]
    lost = f"{figures[0]['fetched']} fetched; the neighbour's 429 after the first window: "
    return table(heads, rows) + f"\n\n{lost}{share:.1%}\n"


def today(job: Job, answers: Any) -> None:
    """Ask for 30 requests of today's data at awkward moments of the windows."""
    budget = budget_of(job)
    client = Client(base_url=job.base_url, token=job.token, budget=budget)
    began = time.monotonic()

    def one(number: int) -> float:
        device, day = day_of(job, 3000 + number)
        asked = time.monotonic()
        client.fetch(
            INVERTER_DATA_POINTS, path={"inverter": device, "date": day}, priority=Priority.TODAY
        )
        return time.monotonic() - asked

    rows = []
    with ThreadPoolExecutor(8) as pool:
        for moment, count in ((5, 10), (30, 10), (58.9, 10), (75, 30), (135, 29)):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            waits = list(pool.map(one, range(count)))
            rows.append([moment, count, f"{max(waits):.2f}", f"{sum(waits) / count:.2f}"])
    answers.put(rows)
    client.close()
    budget.close()


def behind_a_backfill(job: Job) -> str:
    """How long today's requests took, from asking to the answer, while a backfill runs."""
    counter, answers, waits = SPAWN.Value("i", 0), SPAWN.Queue(), SPAWN.Queue()
    backfill = SPAWN.Process(target=work, args=(job, counter, answers))
    backfill.start()
    time.sleep(1.5)
    second = SPAWN.Process(target=today, args=(replace(job, priority=Priority.TODAY), waits))
    second.start()
    rows = waits.get(timeout=300)
    answers.get(timeout=300)
    backfill.join()
    second.join()
    return table(["asked at, s", "requests", "longest until answered, s", "mean, s"], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--today", action="store_true")
    parser.add_argument("--each-minute", type=int, default=100)
    parser.add_argument("--requests", type=int, default=900)
    given = parser.parse_args()
    config = SimulatorConfig(seed=7, rows_per_day=50, latency_s=0.05)
    with Simulator(config) as sim, tempfile.TemporaryDirectory() as folder:
        job = Job(
            sim.base_url,
            sim.token,
            tuple(sim.serials),
            Path(folder) / "budget.sqlite",
            given.requests,
        )
        if given.today:
            print(behind_a_backfill(replace(job, requests=700)))
            print(f"\n429: {sim.stats()['limited']}")
        else:
            print(beside_a_neighbour(job, sim, given.each_minute))


if __name__ == "__main__":
    main()
