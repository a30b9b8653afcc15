"""A picture of requests per minute over a backfill beside a neighbour, out of the budget's store.

    python -m benchmarks.budget_picture docs/requests-per-minute.svg [--requests 1400]

Bars come from `BudgetSnapshot.history`; the line above is the limit.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from benchmarks.budget_common import Job, budget_of, run_workers
from givenergy.budget import Minute
from simulator import Simulator, SimulatorConfig

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 300, 52, 46, 40
OURS, OTHERS, REFUSED = "#2a6f97", "#e9a03b", "#c1121f"


def svg_of(minutes: Sequence[Minute], limit: int) -> str:
    """A bar for each minute: requests of ours, and those that others were seen to make on top."""
    top = max([limit, *(m.sent + m.others for m in minutes)]) * 1.12
    plot = HEIGHT - TOP - BOTTOM
    step = (WIDTH - LEFT - 16) / max(1, len(minutes))

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
    for i, minute in enumerate(minutes):
        x = LEFT + step * (i + 0.14)
        parts.append(box(x, 0, minute.sent, OURS))
        parts.append(box(x, minute.sent, minute.sent + minute.others, OTHERS))
        if minute.rate_limited:
            parts.append(box(x, 0, minute.rate_limited, REFUSED))
        middle = x + step * 0.36
        label = f"{minute.start:%H:%M}"
        parts.append(text(middle, HEIGHT - BOTTOM + 18, label, 'text-anchor="middle"'))
        total = minute.sent + minute.others
        parts.append(text(middle, y(total) - 5, str(total), 'text-anchor="middle"'))
    parts.append(
        f'<line x1="{LEFT}" x2="{WIDTH - 16}" y1="{y(limit):.1f}" y2="{y(limit):.1f}" '
        'stroke="#333" stroke-dasharray="5 4"/>'
    )
    for i, (colour, words) in enumerate(
        [(OURS, "givlake"), (OTHERS, "others, as seen"), (REFUSED, "429")]
    ):
        x = WIDTH - 300 + i * 105
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
        given.file.write_text(svg_of(snapshot.history, snapshot.limit))
        for minute in snapshot.history:
            print(f"{minute.start:%H:%M} ours {minute.sent}, others {minute.others}")


if __name__ == "__main__":
    main()
