"""Run the tests at many moments and prints a table: `python -m tests.support.dates --help`.

Each moment is a separate run, one after the other. Select some moments or files to save time.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.clock import moment_of

MOMENTS = (
    # The days around the clock change of autumn, with the repeated hour.
    "2025-10-25T23:55+01:00",
    "2025-10-26T00:05+01:00",
    "2025-10-26T01:30+01:00",
    "2025-10-26T01:30+00:00",
    "2025-10-26T23:55+00:00",
    "2025-10-27T00:05+00:00",
    # Ends and beginnings of months and of a year.
    "2025-11-30T23:55+00:00",
    "2025-12-31T23:55+00:00",
    "2026-01-01T00:05+00:00",
    "2026-01-31T23:55+00:00",
    "2026-02-28T23:55+00:00",
    "2026-03-01T00:05+00:00",
    # The days around the clock change of spring, with the skipped hour.
    "2026-03-28T23:55+00:00",
    "2026-03-29T00:05+00:00",
    "2026-03-29T00:59+00:00",
    "2026-03-29T02:05+01:00",
    "2026-03-29T23:55+01:00",
    "2026-03-30T00:05+01:00",
    # Summer: midnight in London, when it is the day before in UTC, and midnight in UTC.
    "2026-04-30T23:55+01:00",
    "2026-05-01T00:05+01:00",
    "2026-06-30T23:55+00:00",
    "2026-07-01T00:05+00:00",
    "2026-08-31T18:20+01:00",
    # Dates on which the simulator has a day without energy flows at its beginning.
    "2026-11-09T07:00+00:00",
    "2026-11-15T12:00+00:00",
    "2026-11-25T00:05+00:00",
)
HOW = ("-q", "-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
WHAT = ("tests/pipelines", "tests/warehouse", "tests/assets", "tests/givenergy", "tests/simulator")


@dataclass
class Run:
    """Result of the tests at a moment."""

    status: int
    seconds: float
    counts: dict[str, int]
    failed: list[str] = field(default_factory=list)

    @property
    def failures(self) -> int:
        found = self.counts.get("failed", 0) + self.counts.get("error", 0)
        # A run that ended without a count, as by a signal, has failed.
        return found or int(self.status != 0)


def run(moment: str, arguments: Sequence[str]) -> Run:
    """Run pytest at a moment; files among the arguments replace the default ones."""
    files = () if any(not one.startswith("-") for one in arguments) else WHAT
    command = [sys.executable, "-m", "pytest", *HOW, *files, *arguments, "--clock", moment]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    lines = done.stdout.splitlines() or [""]
    counts = {
        kind: int(count) for count, kind in re.findall(r"(\d+) (passed|failed|error)", lines[-1])
    }
    failed = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    if done.returncode and not failed:
        failed = (done.stderr or done.stdout).splitlines()[-3:]
    return Run(done.returncode, seconds, counts, failed)


def main(given: Sequence[str]) -> int:
    """Run the command line; return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.dates", description=__doc__)
    parser.add_argument("--at", action="append", metavar="TEXT", help="only moments containing it")
    parser.add_argument("--moment", action="append", metavar="ISO", help="this instead of the list")
    parser.add_argument("--list", action="store_true", help="print the moments")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="for pytest, after --")
    options = parser.parse_args(given)
    moments = [
        one
        for one in options.moment or MOMENTS
        if not options.at or any(text in one for text in options.at)
    ]
    if options.list or not moments:
        print(*MOMENTS, sep="\n")
        return 0 if options.list else 2
    arguments = [one for one in options.arguments if one != "--"]
    print("| moment | passed | failed | seconds |", "|---|---:|---:|---:|", sep="\n", flush=True)
    failed = {}
    for moment in moments:
        try:
            moment_of(moment)
        except ValueError as error:
            print(f"| {moment} | not run: {error} | | |", flush=True)
            failed[moment] = [str(error)]
            continue
        done = run(moment, arguments)
        passed = done.counts.get("passed", 0)
        print(f"| {moment} | {passed:,} | {done.failures} | {done.seconds:.0f} |", flush=True)
        if done.failures:
            failed[moment] = done.failed
            print(*done.failed, sep="\n", file=sys.stderr, flush=True)
    for moment, tests in failed.items():
        print(f"\n{moment}:", *tests, sep="\n  ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
