"""What a process and all below it use: CPU and memory, from /proc."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class TreeUsage:
    """What a process and those below it use.

    Attributes:
        cpu_s: User and system time, with that of ended children.
        pss_bytes: Memory, in which pages shared by several processes count in parts.
        processes: How many there are.
    """

    cpu_s: float
    pss_bytes: int
    processes: int


def usage_of(pid: int) -> TreeUsage:
    """Return what a process and those below it use now."""
    cpu_s, pss, number = 0.0, 0, 0
    for each in _tree(pid):
        with suppress(OSError, ValueError):
            fields = (Path("/proc") / str(each) / "stat").read_text().rpartition(")")[2].split()
            # User and system time, and the same of children that have ended and were waited for.
            cpu_s += sum(map(int, fields[11:15])) / _TICKS
            lines = (Path("/proc") / str(each) / "smaps_rollup").read_text().splitlines()
            pss += 1024 * int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
            number += 1
    return TreeUsage(cpu_s, pss, number)


def _tree(pid: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(folder.name))
    left = [pid]
    while left:
        each = left.pop()
        left += children.get(each, [])
        yield each
