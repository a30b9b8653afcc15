"""`kill -9` of processes that hold slots and leases, twenty times.

    python -m benchmarks.budget_kills [--kills 20] [--requests 700]

Four processes work through the same device-days under leases; every few seconds one is killed and
another started. Each notes in a file when it takes a device-day and when its rows are there.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.budget_common import SPAWN, Job, budget_of, day_of, table, windows_of
from givenergy.client import Client
from givenergy.endpoints import INVERTER_DATA_POINTS
from simulator import Simulator, SimulatorConfig


def note(file: int, *what: object) -> None:
    """Append one line at once: a killed process leaves whole lines only."""
    os.write(file, (" ".join(str(w) for w in what) + "\n").encode())


def work_under_leases(job: Job, journal: Path, seed: int) -> None:
    """Fetch every device-day that nobody has fetched or is fetching."""
    budget = budget_of(job)
    client = Client(base_url=job.base_url, token=job.token, budget=budget)
    file = os.open(journal, os.O_WRONLY | os.O_APPEND)
    order = list(range(job.requests))
    random.Random(seed).shuffle(order)
    todo = iter(order)
    turn = threading.Lock()

    def done() -> set[int]:
        lines = journal.read_text().splitlines()
        return {int(line.split()[1]) for line in lines if line.startswith("done")}

    def one_thread() -> None:
        while True:
            with turn:
                number = next(todo, None)
            if number is None:
                return
            lease = budget.lease(f"day {number}")
            if lease is None:
                continue
            with lease:
                if number in done():
                    continue
                note(file, "took", number, os.getpid(), time.monotonic())
                device, day = day_of(job, number)
                client.fetch(INVERTER_DATA_POINTS, path={"inverter": device, "date": day})
                note(file, "done", number, os.getpid(), time.monotonic())

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(one_thread) for _ in range(4)]:
            future.result()


def overlaps(journal: Path, killed: dict[int, float]) -> int:
    """Device-days that two living processes fetched at the same time."""
    taken: dict[int, list[tuple[float, float]]] = {}
    open_: dict[tuple[int, int], float] = {}
    for line in journal.read_text().splitlines():
        what, number, pid, moment = line.split()
        key = (int(number), int(pid))
        if what == "took":
            open_[key] = float(moment)
        else:
            taken.setdefault(key[0], []).append((open_.pop(key), float(moment)))
    for (number, pid), began in open_.items():
        taken.setdefault(number, []).append((began, killed[pid]))
    return sum(
        later[0] < former[1]
        for spans in taken.values()
        for former, later in zip(sorted(spans), sorted(spans)[1:], strict=False)
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--requests", type=int, default=700)
    given = parser.parse_args()
    config = SimulatorConfig(seed=7, rows_per_day=50, latency_s=0.2)
    with Simulator(config) as sim, tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        journal.touch()
        job = Job(
            sim.base_url,
            sim.token,
            tuple(sim.serials),
            Path(folder) / "budget.sqlite",
            given.requests,
        )
        killed: dict[int, float] = {}
        chance = random.Random(5)

        def start(seed: int):
            process = SPAWN.Process(target=work_under_leases, args=(job, journal, seed))
            process.start()
            return process

        processes = [start(seed) for seed in range(4)]
        while len(killed) < given.kills:
            time.sleep(chance.uniform(1, 6))
            victim = chance.choice([p for p in processes if p.is_alive()])
            os.kill(victim.pid, signal.SIGKILL)
            victim.join()
            killed[victim.pid] = time.monotonic()
            processes.remove(victim)
            processes.append(start(100 + len(killed)))
        for process in processes:
            process.join(600)
        lines = journal.read_text().splitlines()
        fetched = {line.split()[1] for line in lines if line.startswith("done")}
        windows = windows_of(sim)
        row = [
            len(killed),
            f"{len(fetched)} of {given.requests}",
            overlaps(journal, killed),
            len(sim.requests),
            sim.stats()["limited"],
            ", ".join(str(w["used"]) for w in windows),
        ]
        heads = ["kills", "fetched", "doubled in flight", "requests", "429", "windows"]
        print(table(heads, [row]))


if __name__ == "__main__":
    main()
