"""Configure the memory allocators of a process that fetches and builds for hours.

Bodies and tables of some megabytes are allocated and freed on many threads. glibc keeps freed
memory in one arena per thread and raises the size from which it returns memory to the system;
Arrow's own allocator keeps freed memory too.
"""

import ctypes
import os
import sys

# Parameters of mallopt from glibc's malloc.h; no Python module defines them.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LARGE_BYTES = 128 * 1024
_ARENAS = 2


def configure_allocators() -> None:
    """Configure the allocators to return freed memory to the system.

    Call it before pyarrow is imported, which then reads the variable, and before threads start.
    The C library's allocator is configured only where it is glibc's.
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
