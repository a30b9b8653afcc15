"""Which process holds something, and whether it still lives.

A process is named by id, start time and process namespace, so that a reused id is not mistaken for
its former owner and a container does not judge another container's processes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["alive", "own_holder"]


def own_holder() -> str:
    """This process' name, the same in all its threads."""
    pid = os.getpid()
    return f"{pid}:{_start_time(pid) or ''}:{_namespace()}"


def alive(holder: str) -> bool | None:
    """Whether the named process lives; None when that cannot be seen from here."""
    try:
        pid_text, start, namespace = holder.split(":", 2)
        pid = int(pid_text)
    except ValueError:
        return None
    if namespace != _namespace():
        return None
    if sys.platform == "win32":
        # os.kill would end the process there; expiry decides instead.
        return True if pid == os.getpid() else None
    if start:
        return _start_time(pid) == start
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start_time(pid: int) -> str | None:
    """Clock ticks from boot to the process' start; None if it is gone or there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name of the program stands in brackets and may itself hold spaces and brackets.
    fields = stat.rpartition(b")")[2].split()
    if fields[0] in (b"Z", b"X"):  # killed, not yet collected by its parent
        return None
    return fields[19].decode("ascii")


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not a path, a name
    except OSError:
        return ""
