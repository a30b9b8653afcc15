"""Fail when a fixed work does more than 10 % more than what is committed. Counts, not seconds.

    python -m benchmarks.quick.against_committed
    python -m benchmarks.quick.against_committed --update

`--update` writes the counts of this version of Python into `counts.json`. For a version without
counts only what does not depend on it is compared: requests.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.common import ROOT, parser, print_table
from benchmarks.quick.commands import counts, medians

BASELINES = Path(__file__).with_name("counts.json")
TOLERANCE = 0.10
INDEPENDENT = frozenset(("requests",))
# A loaded machine commits a few times more often, as some things are written after a time.
ALLOWANCES = {"fsyncs": 15, "SQLite statements": 15}
Counts = Mapping[str, Mapping[str, int]]


def grown(now: Counts, before: Counts, only: frozenset[str] | None = None) -> list[str]:
    """Return a line for each count that grew by more than the tolerance, or is not known.

    Args:
        now: Counts of this checkout, by work.
        before: Committed counts.
        only: Names of the counts to compare; None for all.
    """
    lines = []
    for work, counted in now.items():
        for name, count in counted.items():
            if only is not None and name not in only:
                continue
            known = before.get(work, {}).get(name)
            if known is None:
                lines.append(f"{work}: {name} has no committed figure")
            elif count > max(known * (1 + TOLERANCE), known + ALLOWANCES.get(name, 0)):
                lines.append(f"{work}: {name} {known:,} -> {count:,} ({growth(count, known)})")
    lines += [f"{work}: no longer counted" for work in before.keys() - now.keys()]
    return lines


def growth(now: int, before: int) -> str:
    """Return by how many percent a count grew."""
    return f"{(now / before - 1) * 100:+.1f} %" if before else "from none"


def count_all(rounds: int) -> dict[str, dict[str, int]]:
    """Return the counts of all works; those of commands are medians of several rounds."""
    command = [sys.executable, "-m", "benchmarks.quick.inner"]
    variables = {**os.environ, "PYTHONHASHSEED": "0"}
    inner = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, check=True)
    return {**json.loads(inner.stdout), **medians([counts() for _ in range(rounds)])}


def print_counts(now: Counts, before: Counts) -> None:
    """Print every count beside the committed one."""
    rows = []
    for work, counted in now.items():
        for name, count in counted.items():
            known = before.get(work, {}).get(name)
            change = growth(count, known) if known is not None and known != count else ""
            rows.append([work, name, f"{count:,}", "" if known is None else f"{known:,}", change])
    print_table(("work", "count", "now", "committed", "change"), rows)


def main() -> int:
    """Count and compare, or write the counts; return the exit status."""
    arguments = parser(__doc__)
    arguments.add_argument("--update", action="store_true", help="commit to what is counted now")
    arguments.add_argument("--rounds", type=int, default=1, help="rounds of the commands")
    options: argparse.Namespace = arguments.parse_args()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    baselines: dict[str, Counts] = json.loads(BASELINES.read_text()) if BASELINES.exists() else {}
    now = count_all(options.rounds)
    if options.update:
        baselines[version] = now
        BASELINES.write_text(json.dumps(baselines, indent=2) + "\n")
        print(f"Wrote {BASELINES.name}: {len(now)} works with Python {version}.")
        return 0
    before, only = baselines.get(version), None
    if before is None:
        before, only = next(iter(baselines.values()), {}), INDEPENDENT
        print(f"No counts are committed for Python {version}: only requests are compared.\n")
    print_counts(now, before)
    lines = grown(now, before, only)
    if lines:
        print(f"More than {TOLERANCE:.0%} above what is committed:", *lines, sep="\n  ")
        print("If the work needs it: make bench-quick ARGS=--update, and say why.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
