"""What the budget's measurements share: workers in processes of their own, and their figures.

The simulator runs in the measuring process, each worker is a fresh interpreter with a client of
its own; they share nothing but the budget's file and a counter of the work.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from givenergy.account_identity import account_key
from givenergy.budget import Priority, SqliteRequestBudget
from givenergy.client import Client
from givenergy.endpoints import INVERTER_DATA_POINTS
from givenergy.retry import RetryPolicy
from givenergy.transport import Timeouts
from simulator import Simulator

SPAWN = multiprocessing.get_context("spawn")
FIRST_DAY = date(2024, 1, 1)


@dataclass(frozen=True)
class Job:
    """What one worker process does: device-days by number, from a counter that all share."""

    base_url: str
    token: str
    serials: tuple[str, ...]
    store: Path
    requests: int
    threads: int = 8
    priority: Priority = Priority.BACKFILL
    window_s: float = 60.0
    retry: RetryPolicy | None = None
    reserve: int = 0
    read_timeout_s: float = 60.0


def day_of(job: Job, number: int) -> tuple[str, str]:
    """The device and day of the request with this number."""
    device = job.serials[number % len(job.serials)]
    return device, (FIRST_DAY + timedelta(days=number // len(job.serials))).isoformat()


def budget_of(job: Job) -> SqliteRequestBudget:
    """The shared budget, opened."""
    return SqliteRequestBudget(
        job.store,
        account=account_key(job.base_url, "benchmark"),
        window_s=job.window_s,
        reserve=job.reserve,
    )


def work(job: Job, counter: Synchronized[int], answers: Any) -> None:
    """Fetch until the counter reaches the job's number; puts a dictionary of figures."""
    budget = budget_of(job)
    kinds: dict[str, int] = {}

    def note(attempt: Any) -> None:
        kinds[attempt.kind] = kinds.get(attempt.kind, 0) + 1

    client = Client(
        base_url=job.base_url,
        token=job.token,
        budget=budget,
        connections=job.threads,
        retry=job.retry,
        on_attempt=note,
        timeouts=Timeouts(read_s=job.read_timeout_s),
    )
    rows: list[tuple[int, int]] = []

    def one_thread() -> None:
        while True:
            with counter.get_lock():
                number = counter.value
                if number >= job.requests:
                    return
                counter.value += 1
            device, day = day_of(job, number)
            fetched = client.fetch(
                INVERTER_DATA_POINTS,
                path={"inverter": device, "date": day},
                priority=job.priority,
            )
            rows.append((number, sum(page.rows or 0 for page in fetched.pages)))

    began = time.monotonic()
    with ThreadPoolExecutor(job.threads) as pool:
        for future in [pool.submit(one_thread) for _ in range(job.threads)]:
            future.result()
    totals = client.totals
    answers.put(
        {
            "fetched": len(rows),
            "rows": sum(count for _, count in rows),
            "numbers": sorted(number for number, _ in rows),
            "requests": totals.requests,
            "failed": totals.failed,
            "rate_limited": totals.rate_limited,
            "waited_s": totals.waited_s,
            "seconds": time.monotonic() - began,
            "kinds": kinds,
        }
    )
    client.close()
    budget.close()


def run_workers(job: Job, processes: int) -> list[dict[str, Any]]:
    """Let that many processes do the job together; their figures."""
    counter = SPAWN.Value("i", 0)
    answers = SPAWN.Queue()
    workers = [SPAWN.Process(target=work, args=(job, counter, answers)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    figures = [answers.get(timeout=1800) for _ in workers]
    for worker in workers:
        worker.join()
    return figures


def windows_of(sim: Simulator) -> list[dict[str, Any]]:
    """The account's windows as the simulator counted them."""
    windows = sim.stats()["windows"]
    return next(value for name, value in windows.items() if name.startswith("account"))


def ratio(sim: Simulator, requests: int, limit: int, window_s: float) -> tuple[float, float]:
    """Seconds from first to last request, and that over the ideal."""
    stats = sim.stats()
    seconds = stats["last_at"] - stats["first_at"]
    return seconds, seconds / ((requests - 1) // limit * window_s)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    lines += [" | ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)
