"""Count instructions and allocations of works within this process, and print them as JSON.

python -m benchmarks.quick.inner
"""

from __future__ import annotations

import json
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.quick.decode_day import answer, decode
from givenergy.budget import RequestOutcome, Signal
from givenergy.budget.shared_budget import SharedRequestBudget

GRANTS = 20


def instructions(work: Callable[[], object]) -> int:
    """Return how many instructions of Python's bytecode a work takes in this thread."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return count


def peak_kb(work: Callable[[], object]) -> int:
    """Return the most memory that Python's allocator had given to a work at once, in kB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] // 1000
    finally:
        tracemalloc.stop()


def counts_of(work: Callable[[], object]) -> dict[str, int]:
    """Return the counts of a work that was done once before, so that caches are filled."""
    work()
    return {"instructions": instructions(work), "peak kB": peak_kb(work)}


def grant_requests(budget: SharedRequestBudget) -> None:
    """Take grants and settle them."""
    for _ in range(GRANTS):
        budget.grant().settle(Signal(RequestOutcome.ANSWERED))


def main() -> None:
    """Count and print."""
    day = answer()
    found = {"decode a day of points": counts_of(lambda: decode(day))}
    with tempfile.TemporaryDirectory() as folder:
        budget = SharedRequestBudget(Path(folder) / "budget.sqlite", account="a", window_s=0.001)
        grant_requests(budget)
        # Its memory is a few kB, most of them SQLite's own.
        count = instructions(lambda: grant_requests(budget))
        found[f"grant {GRANTS} requests"] = {"instructions": count}
        budget.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
