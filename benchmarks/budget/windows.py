"""Measure how full `givlake backfill` uses the windows of the request limit, and count 429s.

    python -m benchmarks.budget.windows [--processes 1 4] [--days 253]
    python -m benchmarks.budget.windows --processes 1 --neighbour 100

Real commands against a simulator with 3 inverters, 300 requests a minute and 50 ms latency; several
processes share one data folder and fetch the same days. The neighbour spends requests of the same
account evenly, unknown to givlake. The ideal time is a window's length for each full window before
the last request.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.common import owner_of, parser, print_load, print_table
from simulator import Simulator, SimulatorConfig
from tests.support.owner import finished

FIRST = date(2024, 6, 1)
TIMEOUT_S = 3600


@contextmanager
def neighbour(sim: Simulator, each_minute: int) -> Iterator[Counter[int]]:
    """Spend requests evenly; gives the count of refused ones by window."""
    refused: Counter[int] = Counter()
    stop = threading.Event()

    def spend() -> None:
        while not stop.wait(60 / each_minute):
            limited = sim.spend(1)
            refused[windows_of(sim)[-1]["number"]] += limited

    thread = threading.Thread(target=spend)
    if each_minute:
        thread.start()
    try:
        yield refused
    finally:
        stop.set()
        if each_minute:
            thread.join()


def windows_of(sim: Simulator) -> list[dict[str, Any]]:
    """Return the account's windows as the simulator counted them."""
    windows: dict[str, Any] = sim.stats()["windows"]
    return next(found for name, found in windows.items() if name.startswith("account"))


def backfill(sim: Simulator, folder: Path, processes: int, days: int) -> None:
    """Let processes fetch the same days at once, to the end."""
    owner = owner_of(sim, folder, "inverter_data_points", GIVLAKE_RETRY_S="600")
    last = FIRST + timedelta(days=days - 1)
    running = [owner.start("backfill", "--start", FIRST, "--end", last) for _ in range(processes)]
    for process in running:
        done = finished(process, TIMEOUT_S)
        if done.status:
            raise SystemExit(done.output)


def measured(
    processes: int, options: argparse.Namespace
) -> tuple[list[object], list[list[object]]]:
    """Return the row of a run, and the rows of its windows."""
    config = SimulatorConfig(
        seed=7, rows_per_day=50, latency_s=options.latency,
        commissioned=date(2024, 1, 1), empty_day_rate=0.0,
    )  # fmt: skip
    with Simulator(config) as sim, tempfile.TemporaryDirectory() as folder:
        with neighbour(sim, options.neighbour) as refused:
            backfill(sim, Path(folder), processes, options.days)
        stats, windows = sim.stats(), windows_of(sim)
        ours = Counter(request.window for request in sim.requests if request.status == 429)
    span_s = stats["last_at"] - stats["first_at"]
    requests = sum(window["used"] for window in windows)
    ideal_s = (requests - 1) // config.rate_limit * config.rate_window_s
    full = [f"{100 * window['used'] / config.rate_limit:.1f} %" for window in windows[:-1]]
    row: list[object] = [
        processes,
        stats["requests"],
        sum(ours.values()),
        f"{span_s:.1f}",
        f"{span_s / ideal_s:.3f}" if ideal_s else "",
        ", ".join(full),
    ]
    by_window: list[list[object]] = [
        [processes, each["number"], each["used"], each["neighbours"], refused[each["number"]],
         ours[each["number"]]]
        for each in windows
    ]  # fmt: skip
    return row, by_window


def main() -> None:
    """Measure and print Markdown."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--processes", type=int, nargs="+", default=[1, 4], help="backfills at once")
    add("--days", type=int, default=253, help="days of each of the 3 inverters")
    add("--latency", type=float, default=0.05, help="s that a response takes")
    add("--neighbour", type=int, default=0, help="requests a minute that another program spends")
    options = arguments.parse_args()
    print_load()
    rows, windows = [], []
    for processes in options.processes:
        row, by_window = measured(processes, options)
        rows.append(row)
        windows += by_window
    print_table(
        ("processes", "requests", "429", "first to last, s", "over ideal", "full windows used"),
        rows,
    )
    if options.neighbour:
        names = ("processes", "window", "used together", "sent by the other client")
        print_table((*names, "its 429", "our 429"), windows)


if __name__ == "__main__":
    main()
