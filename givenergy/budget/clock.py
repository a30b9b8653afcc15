"""Time that every process of a machine shares and nobody can set.

The wall clock jumps; what is compared here never does while the machine is up, not even over
suspend. It starts anew with each boot, which `boot_id` tells apart.
"""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["boot_id", "now_ms"]

# Linux' monotonic clock stands still in suspend while the server's window runs on; its boot-time
# clock does not. On macOS the monotonic clock itself counts suspend.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


def now_ms() -> int:
    """Milliseconds since some moment at or before this boot, the same in every process."""
    if _CLOCK is None:
        return time.monotonic_ns() // 1_000_000
    return time.clock_gettime_ns(_CLOCK) // 1_000_000


def boot_id() -> str:
    """A name of the present boot; where the system has none, the boot's wall-clock quarter hour."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"boot-{round((time.time() - time.monotonic()) / 900)}"
