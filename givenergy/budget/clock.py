"""A clock that all processes of a machine share and nobody can set.

The wall clock may jump; this clock does not while the machine is up, and it counts through suspend.
It starts again with each boot, which `boot_id` identifies.
"""

from __future__ import annotations

import functools
import time
from pathlib import Path

__all__ = ["boot_id", "now_ms"]

# The monotonic clock of Linux stops in suspend, the boot-time clock does not. On macOS the
# monotonic clock itself counts suspend.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


def now_ms() -> int:
    """Return the milliseconds since a fixed moment of this boot, the same in every process."""
    if _CLOCK is None:
        return time.monotonic_ns() // 1_000_000
    return time.clock_gettime_ns(_CLOCK) // 1_000_000


@functools.cache
def boot_id() -> str:
    """Return an id of the present boot; where the system has none, its wall-clock quarter hour."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"boot-{round((time.time() - time.monotonic()) / 900)}"
