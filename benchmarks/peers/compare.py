"""Compare givlake with other ways to fetch the same rows, and print one table of ratios.

    python -m benchmarks.peers.compare
    python -m benchmarks.peers.compare --short
    python -m benchmarks.peers.compare --against ../other-checkout --output benchmarks/RESULTS.md
    python -m benchmarks.peers.compare --growth --output benchmarks/RESULTS.md

Work A: 3 inverters x 60 days of data points, energy flows and events, and 14 days of an EV charger.
Every measurement is a command of its own with an empty folder, against one simulator process. The
kinds take turns; ratios are made within a round. dlt has an environment of its own, which the
benchmark makes in build/bench-dlt from PyPI; without a network dlt is left out, and that is said.

`--growth` measures instead how cost grows with device-days and with devices, draws it and replaces
only that section of the output.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

from benchmarks.common import ROOT, parser, print_load
from benchmarks.peers.commands import print_commands
from benchmarks.peers.dagster_cost import RANGES, print_dagster_cost
from benchmarks.peers.dlt_environment import dlt_python
from benchmarks.peers.growth import HEADING, print_growth
from benchmarks.peers.machine import print_machine
from benchmarks.peers.rebuild import DAYS, print_rebuild
from benchmarks.peers.targets import target_table, write_targets
from benchmarks.peers.work_a import print_work

PICTURE = ROOT / "docs/performance/growth.svg"
DOCUMENT = ROOT / "docs/performance.md"


def main() -> None:
    """Measure, print Markdown, and write it if there is a file for it."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--days", type=int, default=60, help="days of each inverter")
    add("--inverters", type=int, default=3, help="inverters")
    add("--latency", type=float, nargs="+", default=[0.0, 0.05], help="s that a response takes")
    add("--rounds", type=int, default=3, help="how often each kind is measured")
    add("--against", type=Path, metavar="CHECKOUT", help="another checkout, with its own .venv")
    add("--growth", action="store_true", help="measure how cost grows, and nothing else")
    add("--short", action="store_true", help="everything once and small, to try it; no file")
    add("--output", type=Path, metavar="FILE", help="write the tables there too")
    options: argparse.Namespace = arguments.parse_args()
    if options.against:
        options.against = options.against.absolute()
    options.ranges, options.rebuild_days = RANGES, DAYS
    if options.short:
        options.days, options.latency, options.rounds = 4, [0.0], 1
        options.ranges, options.rebuild_days, options.output = (2, 6), 5, None
    text = io.StringIO()
    with redirect_stdout(Both(text)):
        if options.growth:
            print_growth(options.short, None if options.short else PICTURE)
        else:
            table = print_comparison(options)
    if options.output:
        old = options.output.read_text() if options.output.exists() else ""
        options.output.write_text(merged(old, text.getvalue()))
        if not options.growth:
            write_targets(DOCUMENT, table)


def print_comparison(options: argparse.Namespace) -> str:
    """Measure everything but growth and print it; return the table of the targets."""
    began = time.monotonic()
    python, reason = dlt_python()
    print("# What givlake costs beside others\n")
    print("Made by `make bench`. Ratios count; seconds depend on the machine and its load.\n")
    print_machine(python, reason, options.against)
    table = target_table({
        **print_work(options, python),
        **print_commands(options.against, options.rounds),
        **print_dagster_cost(options.against, options.rounds, options.ranges),
        **print_rebuild(options.rebuild_days),
    })  # fmt: skip
    print(f"## Targets\n\n{table}")
    print_load()
    print(f"All of this took {(time.monotonic() - began) / 60:.1f} minutes.\n")
    return table


def merged(old: str, new: str) -> str:
    """Return a file's new text: its comparison or its section on growth, and the other as it was.

    Args:
        old: What the file has.
        new: What was measured, one of the two.
    """
    comparison, _, growth = old.partition(HEADING)
    if new.startswith(HEADING):
        growth = new.removeprefix(HEADING)
    else:
        comparison = new
    sections = (comparison.strip(), HEADING + growth.rstrip() if growth else "")
    return "\n\n".join(filter(None, sections)) + "\n"


class Both(io.TextIOBase):
    """Writes to standard output and to a second stream."""

    def __init__(self, second: io.StringIO) -> None:
        self._streams = (sys.stdout, second)

    def write(self, text: str) -> int:
        """Write to both."""
        for stream in self._streams:
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush both."""
        for stream in self._streams:
            stream.flush()


if __name__ == "__main__":
    main()
