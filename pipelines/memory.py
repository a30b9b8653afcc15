"""Giving memory back: what a process that fetches and builds for hours must tell its allocators.

Bodies and tables of some megabytes come and go on many threads. glibc keeps what they leave in an
arena for each thread and raises, by itself, the size from which memory goes back to the system;
Arrow's own allocator keeps it as well.
"""

import ctypes
import os
import sys

# Parameters of mallopt in glibc's malloc.h, which no Python module names.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LARGE_BYTES = 128 * 1024
_ARENAS = 2


def give_memory_back() -> None:
    """Set the allocators so that freed memory returns to the system.

    To be called before pyarrow is imported, which then reads the variable, and before threads
    start. Does nothing to the C library's allocator where that is not glibc.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for parameter, value in (
        (_M_ARENA_MAX, _ARENAS),
        (_M_MMAP_THRESHOLD, _LARGE_BYTES),
        (_M_TRIM_THRESHOLD, _LARGE_BYTES),
    ):
        mallopt(parameter, value)
