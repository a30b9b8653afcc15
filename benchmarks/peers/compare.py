"""Compare givlake with other ways to fetch the same rows, and print one table of ratios.

    python -m benchmarks.peers.compare
    python -m benchmarks.peers.compare --against ../other-checkout --output benchmarks/RESULTS.md

Work A: 3 inverters x 60 days of data points, energy flows and events, and 14 days of an EV charger.
Every measurement is a command of its own with an empty folder, against one simulator process. The
kinds take turns; ratios are made within a round. dlt has an environment of its own, which the
benchmark makes in build/bench-dlt from PyPI; without a network dlt is left out, and that is said.
"""

from __future__ import annotations

import argparse
import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

from benchmarks.common import parser
from benchmarks.peers.commands import print_commands
from benchmarks.peers.dlt_environment import dlt_python
from benchmarks.peers.machine import print_machine
from benchmarks.peers.rebuild import print_rebuild_and_dagster
from benchmarks.peers.work_a import print_work


def main() -> None:
    """Measure everything and print Markdown."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--days", type=int, default=60, help="days of each inverter")
    add("--inverters", type=int, default=3, help="inverters")
    add("--latency", type=float, nargs="+", default=[0.0, 0.05], help="s that a response takes")
    add("--rounds", type=int, default=3, help="how often each kind is measured")
    add("--against", type=Path, metavar="CHECKOUT", help="another checkout, with its own .venv")
    add("--output", type=Path, metavar="FILE", help="write the tables there too")
    options: argparse.Namespace = arguments.parse_args()
    text = io.StringIO()
    with redirect_stdout(Both(text)):
        python, reason = dlt_python()
        print("# What givlake costs beside others\n")
        print("Made by `make bench`. Ratios count; seconds depend on the machine and its load.\n")
        print_machine(python, reason, options.against)
        print_work(options, python)
        print_commands(options.against, options.rounds)
        print_rebuild_and_dagster()
    if options.output:
        options.output.write_text(text.getvalue().rstrip() + "\n")


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
