"""A picture of growing costs: panels with logarithmic axes, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

COLUMNS, WIDTH, HEIGHT = 2, 540, 316
LEFT, RIGHT, TOP, BOTTOM = 56, 184, 44, 52
CAPTION = "Logarithmic axes. A dashed line grows as fast as the size."
COLOURS = ("#2a6f97", "#c1121f", "#b36b00", "#3d7a46", "#6b4c9a")
GAP = 14


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart of some curves.

    Attributes:
        title: What is on the vertical axis, with its unit.
        sizes: What is on the horizontal axis.
        curves: Cost by size, for each name.
    """

    title: str
    sizes: str
    curves: Mapping[str, Mapping[int, float]]


def picture(panels: Sequence[Panel]) -> str:
    """Return the panels in rows of two, with dashed lines that grow as fast as the size."""
    rows = math.ceil(len(panels) / COLUMNS)
    width, height = WIDTH * COLUMNS, HEIGHT * rows + 24
    what = "; ".join(f"{panel.title} over {panel.sizes}" for panel in panels)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(what)}" font-family="system-ui, sans-serif" font-size="12"'
        ' fill="#333">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        x, y = number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT
        lines += [f'<g transform="translate({x} {y})">', *drawn(panel), "</g>"]
    return "\n".join([*lines, text(LEFT, height - 10, CAPTION, "start"), "</svg>"]) + "\n"


def drawn(panel: Panel) -> Iterator[str]:
    """Return the elements of a panel."""
    sizes = [size for curve in panel.curves.values() for size in curve]
    costs = [cost for curve in panel.curves.values() for cost in curve.values()]
    x_high = math.log10(max(sizes))
    # Powers of ten are as long on both axes, so that dashed lines have the same slope everywhere.
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    y_low, y_high = around(costs, x_high * down / across)

    def x_of(size: float) -> float:
        return LEFT + math.log10(size) / x_high * across

    def y_of(cost: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(cost) - y_low) / (y_high - y_low) * down

    yield f'<text x="{LEFT}" y="24" font-size="15" font-weight="600">{escape(panel.title)}</text>'
    for cost in ticks(y_low, y_high, (1, 2, 5)):
        y = y_of(cost)
        yield line(LEFT, y, WIDTH - RIGHT, y, "#e4e4e4")
        yield text(LEFT - 8, y + 4, shown(cost), "end")
    for size in ticks(0, x_high, (1,)):
        x = x_of(size)
        yield line(x, TOP, x, HEIGHT - BOTTOM, "#e4e4e4")
        yield text(x, HEIGHT - BOTTOM + 18, f"{size:,.0f}", "middle")
    yield text(LEFT + across / 2, HEIGHT - 14, panel.sizes, "middle")
    for power in range(math.ceil(y_low - x_high), math.ceil(y_high)):
        # The part of cost = size * 10**power that is inside.
        first, last = max(0, y_low - power), min(x_high, y_high - power)
        ends_at = [(x_of(10**at), y_of(10 ** (at + power))) for at in (first, last)]
        yield line(*ends_at[0], *ends_at[1], "#bbb", "5 4")
    ends = []
    for colour, (name, curve) in zip(COLOURS, panel.curves.items(), strict=False):
        points = [(x_of(size), y_of(cost)) for size, cost in sorted(curve.items())]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, y in points:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
        ends.append((points[-1][1], f"{name}: {shown(curve[max(curve)])}", colour))
    for y, name, colour in apart(ends):
        yield text(WIDTH - RIGHT + 9, y + 4, name, "start", colour)


def around(costs: Sequence[float], span: float) -> tuple[float, float]:
    """Return logarithms a span apart with all costs between them, in the middle."""
    low, high = math.log10(min(costs)), math.log10(max(costs))
    half = max(span, high - low + 0.2) / 2
    return (low + high) / 2 - half, (low + high) / 2 + half


def ticks(low: float, high: float, factors: Sequence[int]) -> list[float]:
    """Return these multiples of powers of ten between two logarithms."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    values = [factor * 10.0**power for power in powers for factor in factors]
    return [value for value in values if low - 1e-9 <= math.log10(value) <= high + 1e-9]


def shown(number: float) -> str:
    """Return a number as it is written: whole from ten on, two digits below."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def apart(ends: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """Move labels down until none covers another."""
    moved: list[tuple[float, str, str]] = []
    for y, name, colour in sorted(ends):
        moved.append((max(y, moved[-1][0] + GAP) if moved else y, name, colour))
    return moved


def line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str = "") -> str:
    """Return a line."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}"{dashed}/>'


def text(x: float, y: float, words: str, anchor: str, colour: str = "#333") -> str:
    """Return a text."""
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} fill="{colour}">{escape(words)}</text>'
