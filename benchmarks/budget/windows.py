"""Full windows and no 429: 760 requests at 300 a minute, by one process and by four at once.

    python -m benchmarks.budget_windows [--processes 1 4] [--requests 760] [--window 60]

Ideal is a window's length for each full window before the last request.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.budget_common import Job, ratio, run_workers, table, windows_of
from simulator import Simulator, SimulatorConfig


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--requests", type=int, default=760)
    parser.add_argument("--window", type=float, default=60.0)
    parser.add_argument("--latency", type=float, default=0.05)
    given = parser.parse_args()
    rows = []
    for processes in given.processes:
        config = SimulatorConfig(
            seed=7, rows_per_day=50, rate_window_s=given.window, latency_s=given.latency
        )
        with Simulator(config) as sim, tempfile.TemporaryDirectory() as folder:
            job = Job(
                sim.base_url,
                sim.token,
                tuple(sim.serials),
                Path(folder) / "budget.sqlite",
                given.requests,
                window_s=given.window,
            )
            figures = run_workers(job, processes)
            seconds, over_ideal = ratio(sim, given.requests, 300, given.window)
            windows = windows_of(sim)
            rows.append(
                [
                    processes,
                    sum(f["fetched"] for f in figures),
                    sim.stats()["limited"],
                    f"{seconds:.2f}",
                    f"{over_ideal:.4f}",
                    ", ".join(f"{w['used'] / 3:.1f} %" for w in windows[:-1]),
                    ", ".join(str(f["requests"]) for f in figures),
                ]
            )
    heads = ["processes", "fetched", "429", "first to last, s", "over ideal"]
    print(table([*heads, "full windows used", "requests of each process"], rows))


if __name__ == "__main__":
    main()
