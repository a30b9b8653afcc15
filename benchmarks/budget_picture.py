"""A picture of requests per minute over a backfill beside a neighbour.

    python -m benchmarks.budget_picture docs/requests-per-minute.svg [--requests 1400]

The minutes are the server's windows, as the simulator counted them: a calendar minute can hold
parts of two. What the budget itself counted by calendar minute (`BudgetSnapshot.history`) is
printed.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.budget_common import Job, budget_of, run_workers, windows_of
from simulator import Simulator, SimulatorConfig

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 300, 52, 46, 40
OURS, OTHERS, REFUSED = "#2a6f97", "#e9a03b", "#c1121f"


@dataclass(frozen=True)
class Bar:
    """One window: answered requests of ours and of others, and 429 to anybody."""

    ours: int
    others: int
    refused: int


def bars_of(sim: Simulator) -> list[Bar]:
    """The windows as the simulator counted them."""
    ours = Counter(r.window for r in sim.requests if r.status != 429)
    return [
        Bar(ours[w["number"]], w["used"] - ours[w["number"]], w["limited"]) for w in windows_of(sim)
    ]


def svg_of(bars: Sequence[Bar], limit: int) -> str:
    """A bar for each window: ours, the others' on top, and what was refused above that."""
    top = max([limit, *(bar.ours + bar.others + bar.refused for bar in bars)]) * 1.12
    plot = HEIGHT - TOP - BOTTOM
    step = (WIDTH - LEFT - 16) / max(1, len(bars))

    def y(value: float) -> float:
        return TOP + plot * (1 - value / top)

    def text(x: float, at: float, words: str, extra: str = "") -> str:
        return f'<text x="{x:.0f}" y="{at:.0f}" {extra}>{words}</text>'

    def box(x: float, low: float, high: float, colour: str) -> str:
        return (
            f'<rect x="{x:.1f}" y="{y(high):.1f}" width="{step * 0.72:.1f}" '
            f'height="{y(low) - y(high):.1f}" fill="{colour}"/>'
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(LEFT, 20, "Requests per minute over a backfill", 'font-size="15" font-weight="600"'),
    ]
    for value in range(0, int(top), 100):
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 16}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            'stroke="#e4e4e4"/>'
        )
        parts.append(text(LEFT - 8, y(value) + 4, str(value), 'text-anchor="end"'))
    for i, bar in enumerate(bars):
        x = LEFT + step * (i + 0.14)
        answered = bar.ours + bar.others
        parts.append(box(x, 0, bar.ours, OURS))
        parts.append(box(x, bar.ours, answered, OTHERS))
        parts.append(box(x, answered, answered + bar.refused, REFUSED))
        middle = x + step * 0.36
        words = f"minute {i + 1}"
        parts.append(text(middle, HEIGHT - BOTTOM + 18, words, 'text-anchor="middle"'))
        words = f"{bar.ours} + {bar.others}"
        at = y(answered + bar.refused) - 6
        if y(limit) - 4 < at < y(limit) + 14:
            at = y(limit) - 6  # clear of the line
        parts.append(text(middle, at, words, 'text-anchor="middle"'))
    parts.append(
        f'<line x1="{LEFT}" x2="{WIDTH - 16}" y1="{y(limit):.1f}" y2="{y(limit):.1f}" '
        'stroke="#333" stroke-dasharray="5 4"/>'
    )
    for i, (colour, words) in enumerate(
        [(OURS, "givlake"), (OTHERS, "a neighbour"), (REFUSED, "429")]
    ):
        x = WIDTH - 290 + i * 105
        parts.append(f'<rect x="{x}" y="11" width="11" height="11" fill="{colour}"/>')
        parts.append(text(x + 16, 21, words))
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """Run a backfill beside a neighbour and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--requests", type=int, default=1400)
    parser.add_argument("--each-minute", type=int, default=40, help="what the neighbour spends")
    given = parser.parse_args()
    config = SimulatorConfig(seed=7, rows_per_day=50, latency_s=0.05)
    with Simulator(config) as sim, tempfile.TemporaryDirectory() as folder:
        job = Job(
            sim.base_url,
            sim.token,
            tuple(sim.serials),
            Path(folder) / "budget.sqlite",
            given.requests,
        )
        stop = threading.Event()

        def neighbour() -> None:
            while not stop.wait(60 / given.each_minute):
                sim.spend(1)

        thread = threading.Thread(target=neighbour)
        thread.start()
        run_workers(job, 1)
        stop.set()
        thread.join()
        budget = budget_of(job)
        snapshot = budget.snapshot()
        budget.close()
        given.file.write_text(svg_of(bars_of(sim), snapshot.limit))
        for minute in snapshot.history:
            print(f"{minute.start:%H:%M} ours {minute.sent}, others {minute.others}")


if __name__ == "__main__":
    main()
