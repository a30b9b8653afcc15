"""The targets of speed, with what was measured of each; the table that the documents show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import heading, row

NOW, BEFORE = "now", "before"
# What was measured of each target: now, and before where another checkout was measured.
Figures = Mapping[str, Mapping[str, float]]
_BEGIN, _END = "<!-- targets, written by make bench -->\n", "<!-- end of targets -->\n"


@dataclass(frozen=True, slots=True)
class Target:
    """A target.

    Attributes:
        what: What is measured.
        filed: What it was when the target was set, on another day.
        bound: What to reach: at most that, or at least.
        unit: Its unit.
        digits: Digits to show after the point.
        is_least: Whether the bound is the least.
    """

    what: str
    filed: str
    bound: float
    unit: str = "s"
    digits: int = 2
    is_least: bool = False

    def shown(self, figure: float | None) -> str:
        """Return a figure with its unit."""
        return "" if figure is None else f"{figure:.{self.digits}f} {self.unit}"

    def is_reached(self, figure: float) -> bool:
        """Return whether a figure reaches the target."""
        return figure >= self.bound if self.is_least else figure <= self.bound


TARGETS = {
    "work_a": Target("Work A, CPU over the bare loop", "4.9 x", 2.1, "x"),
    "work_a_latency": Target("the same at 50 ms, wall over 8 connections", "4.5 x", 1.3, "x"),
    "dagster": Target("Dagster per day and dataset, CPU", "~50 ms", 8, "ms", 1),
    "--help": Target("`--help`, CPU", "1.6 s", 0.25),
    'query "SELECT 1"': Target('`query "SELECT 1"`, CPU', "1.7 s", 0.5),
    "status": Target("`status`, CPU", "2.4 s", 1.0),
    "plan": Target("`plan`, CPU", "4.1 s", 1.5),
    "backfill, nothing to do": Target("`backfill` with nothing to do, CPU", "2.4 s", 1.6),
    "sync, nothing new": Target("`sync` with nothing new, CPU", "7.0 s", 2.5),
    "peak": Target("peak memory of Work A", "323-369 MB", 300, "MB", 0),
    "peak_long": Target("the same of 447 device-days of points", "323-369 MB", 300, "MB", 0),
    "rebuild": Target(
        "rebuild over fetching at 300 requests a minute", "-", 20, "x", 1, is_least=True
    ),
}


def target_table(figures: Figures) -> str:
    """Return the table of the targets that were measured."""
    lines = [heading("", "when filed", BEFORE, NOW, "before over now", "target", "reached")]
    for key, target in TARGETS.items():
        if key not in figures:
            continue
        now, before = figures[key][NOW], figures[key].get(BEFORE)
        times = "" if before is None else f"{before / now:.2f}"
        sign = "≥" if target.is_least else "≤"
        bound = f"{sign} {target.bound:g} {target.unit}"
        is_reached = "yes" if target.is_reached(now) else "no"
        shown = (target.shown(before), target.shown(now), times)
        lines.append(row(target.what, target.filed, *shown, bound, is_reached))
    return "\n".join(lines) + "\n"


def write_targets(document: Path, table: str) -> None:
    """Put the table in its place in a document."""
    before, _, rest = document.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    document.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}")
