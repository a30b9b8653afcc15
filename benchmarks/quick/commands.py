"""Count what commands do, each in a process of its own, on a small simulated account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.common import ROOT, owner_of, simulator_process
from tests.support.owner import Owner

NOW = datetime(2025, 6, 17, 11, 40, tzinfo=UTC)
SPAN = ("--start", "2025-06-01", "--end", "2025-06-03")
MART_QUERY = "SELECT count(*) FROM (SELECT * FROM daily_energy ORDER BY ALL)"
# In this order: the first one of a kind fills the folder for those after it.
COMMANDS: dict[str, tuple[str, ...]] = {
    "backfill of 3 days": ("backfill", *SPAN),
    "backfill, nothing to do": ("backfill", *SPAN),
    "--help": ("--help",),
    'query "SELECT 1"': ("query", "SELECT 1"),
    "query of a mart": ("query", MART_QUERY),
    "status": ("status",),
    "plan of a month": ("plan", "--start", "2025-05-01", "--end", "2025-05-31"),
    "first sync": ("sync",),
    "sync, nothing new": ("sync",),
}
UNCOUNTED = frozenset(("first sync",))
# Measures for a fixed time how fast the machine is, so that its calls depend on that.
SPEED_DEPENDENT = "plan of a month"


def counts() -> dict[str, dict[str, int]]:
    """Run every command in one new folder and return what each of them did."""
    shift_s = (NOW - datetime.now(UTC)).total_seconds()
    modules = os.pathsep.join((str(ROOT / "tests/support/processes"), str(ROOT)))
    found: dict[str, dict[str, int]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="counts-") as folder,
        simulator_process(
            *("--inverters", 1, "--rows-per-day", 300, "--rate-limit", 100_000),
            *("--commissioned", "2025-04-01", "--clock", NOW.isoformat()),
        ) as control,
    ):
        owner = owner_of(
            control,
            Path(folder),
            *("inverter_data_points", "energy_flows", "inverter_events"),
            PYTHONPATH=modules,
            PYTHONHASHSEED="0",
            PYTHONDONTWRITEBYTECODE="",
            TEST_CLOCK_SHIFT_S=repr(shift_s),
        )
        for name, arguments in COMMANDS.items():
            control.clear_requests()
            one = count(arguments, owner)
            if name == SPEED_DEPENDENT:
                del one["calls"]
            if name not in UNCOUNTED:
                found[name] = {**one, "requests": len(control.requests())}
    return found


def count(arguments: tuple[str, ...], owner: Owner) -> dict[str, int]:
    """Run a command in an owner's folder and return its counts."""
    file = owner.folder / "counts.json"
    file.unlink(missing_ok=True)
    counted = ("-m", "benchmarks.quick.counted", str(file), "pipelines.cli")
    done = subprocess.run(
        [sys.executable, *counted, *arguments],
        cwd=owner.folder,
        env=owner.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    # `status` ends with 1 where days are missing.
    if done.returncode not in (0, 1) or not file.exists():
        raise SystemExit(f"givlake {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
    found: dict[str, int] = json.loads(file.read_text())
    return found


def medians(rounds: list[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """Return the median of each count over several rounds."""
    return {
        work: {name: round(median(one[work][name] for one in rounds)) for name in counted}
        for work, counted in rounds[0].items()
    }
