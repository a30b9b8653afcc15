"""A flame graph as SVG, from the stacks that py-spy has sampled.

Calls go downwards, as wide as they take time. Functions of givlake are shown all; consecutive ones
of another package are one frame, with the function that was called from outside. The frames of
Python's import are left out, so that a module is below the one that imports it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

OURS = ("pipelines", "assets", "warehouse", "givenergy")
COLOURS = {
    "givlake": "#8fbbd9",
    "importing": "#c9b6dd",
    "dagster": "#f2b38b",
    "duckdb, pyarrow, pandas, pandera": "#a9cf9b",
    "Python": "#dcdcdc",
    "other packages": "#efe3a1",
}
_TABLES = ("duckdb", "pyarrow", "pandas", "pandera", "numpy")
WIDTH, ROW, LETTER, TOP = 1200, 17, 6.1, 58
# Narrower frames, as a share of the whole, are left out.
NARROWEST = 0.002
_FRAME = re.compile(r"(?P<name>.*) \((?P<file>.*?)(?::\d+)?\)$")
_START = "<module> (pipelines/cli/__main__.py"
# Threads that wait for a signal or for another thread, which py-spy takes for busy.
_WAITING = re.compile(r"_read \(pipelines/stop_signals|(\w+\.)?wait \(threading\.py")
_FOLDER = re.compile(r"^.*/(?:site-packages|python3\.\d+)/")


@dataclass(slots=True)
class Frame:
    """A function in its place of the calls.

    Attributes:
        label: What is written on it.
        group: Key of its colour.
        samples: How often it was seen, its callees included.
        callees: What it calls, by label.
    """

    label: str = "all"
    group: str = "Python"
    samples: int = 0
    callees: dict[str, Frame] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: str) -> Frame:
        """Return the frame above all stacks of py-spy's raw format."""
        whole = cls()
        for stack in raw.splitlines():
            frames, _, count = stack.rpartition(" ")
            # Without frames: the start and the end of the interpreter.
            if not (shown := list(folded(frames.split(";")))):
                continue
            frame = whole
            frame.samples += int(count)
            for label, group in shown:
                frame = frame.callees.setdefault(label, cls(label, group))
                frame.samples += int(count)
        return whole

    def depth(self, narrowest: float) -> int:
        """Return how many frames of at least so many samples are below each other."""
        shown = [one for one in self.callees.values() if one.samples >= narrowest]
        return 1 + max((one.depth(narrowest) for one in shown), default=0)


def folded(frames: list[str]) -> Iterator[tuple[str, str]]:
    """Return label and group of each frame that is shown."""
    if _WAITING.match(frames[-1]):
        return
    before = ""
    for frame in frames:
        found = _FRAME.match(frame)
        if found is None or found["file"].startswith("<") or frame.startswith(_START):
            continue
        name, file = found["name"], short(found["file"])
        package = package_of(file)
        if package in OURS:
            module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            importing = name == "<module>"
            label = f"import {module}" if importing else f"{name} ({module})"
            yield label, "importing" if importing else "givlake"
        elif package != before:
            label = f"import {package}" if name == "<module>" else f"{package}: {name}"
            yield label, group_of(package, name)
        before = package


def short(file: str) -> str:
    """Return a path below the folder of packages; of any other absolute one only its name."""
    below = _FOLDER.sub("", file)
    return below.rpartition("/")[2] if below.startswith("/") else below


def package_of(file: str) -> str:
    """Return the top-level package of a file, or Python for its library."""
    name = file.partition("/")[0].removesuffix(".py")
    return "Python" if name in sys.stdlib_module_names else name


def group_of(package: str, name: str) -> str:
    """Return the key of the colour of a function outside givlake."""
    if name == "<module>":
        return "importing"
    if package.startswith("dagster"):
        return "dagster"
    if package in _TABLES:
        return "duckdb, pyarrow, pandas, pandera"
    return "Python" if package == "Python" else "other packages"


def flames(title: str, whole: Frame) -> str:
    """Return the picture; every frame has its share of the samples as a tooltip."""
    narrowest = whole.samples * NARROWEST
    height = TOP + ROW * whole.depth(narrowest) + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="11"'
        ' fill="#222">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="8" y="22" font-size="15" font-weight="600">{escape(title)}</text>',
        *legend(),
        *drawn(whole, 8, TOP, whole.samples),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def legend() -> Iterator[str]:
    """Return what the colours mean."""
    x = 8.0
    for name, colour in COLOURS.items():
        yield f'<rect x="{x:.0f}" y="34" width="11" height="11" fill="{colour}"/>'
        yield f'<text x="{x + 16:.0f}" y="44">{name}</text>'
        x += 36 + len(name) * LETTER


def drawn(frame: Frame, x: float, y: float, total: int) -> Iterator[str]:
    """Return a frame and below it its callees, the widest first."""
    width = frame.samples / total * (WIDTH - 16)
    tip = escape(f"{frame.label}: {frame.samples / total:.1%}")
    yield (
        f'<g><title>{tip}</title><rect x="{x:.1f}" y="{y:.0f}" width="{width:.1f}"'
        f' height="{ROW - 1}" fill="{COLOURS[frame.group]}" stroke="#fff" stroke-width=".5"/>'
    )
    letters = int((width - 6) / LETTER)
    if letters >= 4:
        cut = frame.label if len(frame.label) <= letters else f"{frame.label[: letters - 1]}…"
        yield f'<text x="{x + 3:.1f}" y="{y + 12:.0f}">{escape(cut)}</text>'
    yield "</g>"
    for callee in sorted(frame.callees.values(), key=lambda one: -one.samples):
        if callee.samples >= total * NARROWEST:
            yield from drawn(callee, x, y + ROW, total)
            x += callee.samples / total * (WIDTH - 16)
