"""A backfill of 3 inverters x 60 days in bad weather: what arrives, and what it costs.

    python -m benchmarks.budget_faults [five twenty storm outage]

`five` and `twenty`: that many per cent of the answers are spoilt, all kinds of transport faults
mixed. `storm`: now and then 20 answers in a row are 429 without headers. `outage`: the host is
away for ten minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from benchmarks.budget_common import FIRST_DAY, SPAWN, Job, table, work
from givenergy.retry import RetryPolicy
from simulator import Simulator, SimulatorConfig

KINDS = (
    "5xx",
    "reset",
    "reset_body",
    "close",
    "stall",
    "stall_body",
    "truncated",
    "truncated_length",
    "html",
    "empty",
    "no_data",
    "gzip_broken",
)
PRESETS = {
    "five": {kind: 0.05 / len(KINDS) for kind in KINDS},
    "twenty": {kind: 0.20 / len(KINDS) for kind in KINDS},
    "storm": {"storm": 0.01},
    "outage": {},
}
DAYS = 60


def main() -> None:
    """Measure the chosen presets and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", help=", ".join(PRESETS))
    parser.add_argument("--outage", type=float, default=600.0, help="its length in seconds")
    given = parser.parse_args()
    rows = []
    for preset in given.presets or PRESETS:
        config = SimulatorConfig(
            seed=7, rows_per_day=50, latency_s=0.05, stall_s=20, faults=PRESETS[preset]
        )
        with Simulator(config) as sim, tempfile.TemporaryDirectory() as folder:
            rows.append([preset, *_measure(sim, Path(folder), preset, given.outage)])
    heads = ["preset", "rows (truth)", "s", "requests", "repeated", "429", "failed attempts"]
    print(table(heads, rows))


def _measure(sim: Simulator, folder: Path, preset: str, outage_s: float) -> list[object]:
    truth = sum(
        len(sim.truth(serial, FIRST_DAY + timedelta(days=day)))
        for serial in sim.serials
        for day in range(DAYS)
    )
    job = Job(
        sim.base_url,
        sim.token,
        tuple(sim.serials),
        folder / "budget.sqlite",
        DAYS * len(sim.serials),
        retry=RetryPolicy(),
        read_timeout_s=5.0,
    )
    if preset == "outage":
        threading.Thread(target=_outage, args=(sim, outage_s)).start()
    counter, answers = SPAWN.Value("i", 0), SPAWN.Queue()
    worker = SPAWN.Process(target=work, args=(job, counter, answers))
    worker.start()
    figures = answers.get(timeout=3600)
    worker.join()
    good = Counter(
        r.path for r in sim.requests if r.status == 200 and r.fault is None and r.complete
    )
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(figures["kinds"].items()))
    return [
        f"{figures['rows']} ({truth})",
        f"{figures['seconds']:.0f}",
        figures["requests"],
        sum(count - 1 for count in good.values()),
        figures["rate_limited"],
        kinds,
    ]


def _outage(sim: Simulator, seconds: float) -> None:
    while len(sim.requests) < 60:
        time.sleep(0.01)
    sim.stop()
    time.sleep(seconds)
    sim.start()


if __name__ == "__main__":
    main()
