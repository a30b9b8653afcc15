"""The contrast of the dashboard's colours, and how far apart the colour-blind see them.

`python -m tests.support.page_colours` prints the tables of docs/dashboard-design.md.
"""

import re
from itertools import combinations

from pipelines.dashboard.page_files import page_file

# Text and graphics by WCAG 2.2, 1.4.3 and 1.4.11, level AA.
TEXT_CONTRAST = 4.5
GRAPHIC_CONTRAST = 3.0
# Distances in CIELAB below this are hard to tell apart in a legend.
CLEAR_DISTANCE = 15.0

ROLES = ("solar", "home", "battery", "import", "export", "car")
GRAPHICS = (*ROLES, "neutral", "edge")
TEXTS = (
    ("text", "card"),
    ("text", "page"),
    ("muted", "card"),
    ("muted", "page"),
    ("accent", "card"),
    ("accent", "page"),
    ("text", "accent-soft"),
    ("warning", "warning-soft"),
    ("problem", "problem-soft"),
    ("muted", "line"),
)

_BLOCK = re.compile(
    r"^(:root|:root\[data-theme=\"dark\"\]\S*) \{(.*?)^\}", re.MULTILINE | re.DOTALL
)
_COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as the colour-blind see it.
_SIGHTS = {
    "normal sight": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
_Colour = tuple[float, float, float]


def page_colours() -> dict[str, dict[str, str]]:
    """Return the colours of `light` and `dark` by the names of their custom properties."""
    blocks = _BLOCK.findall(page_file("styles.css").decode())
    light, dark = (dict(_COLOUR.findall(body)) for _, body in blocks)
    return {"light": light, "dark": light | dark}


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it, 1 to 21."""
    low, high = sorted(_luminance(_linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def nearest(colours: dict[str, str], sight: str) -> tuple[float, str, str]:
    """Return the smallest distance of two roles' colours in CIELAB, and the two roles."""
    seen = {role: _lab(_as_seen(_linear(colours[role]), sight)) for role in ROLES}
    return min(
        (sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5, one, other)
        for one, other in combinations(ROLES, 2)
    )


def tables() -> str:
    """Return the tables of docs/dashboard-design.md."""
    modes = page_colours()
    lines = ["| colour on the card | light | contrast | dark | contrast |", "|---|---|---|---|---|"]
    for name in GRAPHICS:
        cells = (
            f"`{colours[name]}` | {contrast(colours[name], colours['card']):.1f}"
            for colours in modes.values()
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| text | light | dark |", "|---|---|---|"]
    for text, ground in TEXTS:
        cells = (f"{contrast(colours[text], colours[ground]):.1f}" for colours in modes.values())
        lines.append(f"| {text} on {ground} | {' | '.join(cells)} |")
    lines += ["", "| seen with | nearest in light | nearest in dark |", "|---|---|---|"]
    for sight in _SIGHTS:
        cells = []
        for colours in modes.values():
            distance, one, other = nearest(colours, sight)
            cells.append(f"{one} and {other}: {distance:.0f}")
        lines.append(f"| {sight} | {' | '.join(cells)} |")
    return "\n".join(lines)


def sights() -> tuple[str, ...]:
    """Return the kinds of sight that `nearest` knows."""
    return tuple(_SIGHTS)


def _linear(colour: str) -> _Colour:
    values = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values
    )
    return red, green, blue


def _luminance(colour: _Colour) -> float:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def _as_seen(colour: _Colour, sight: str) -> _Colour:
    red, green, blue = (
        min(1.0, max(0.0, sum(part * value for part, value in zip(row, colour, strict=True))))
        for row in _SIGHTS[sight]
    )
    return red, green, blue


def _lab(colour: _Colour) -> _Colour:
    red, green, blue = colour
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = _luminance(colour)
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (
        part ** (1 / 3) if part > 216 / 24389 else (24389 / 27 * part + 16) / 116
        for part in (x, y, z)
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


if __name__ == "__main__":
    print(tables())
