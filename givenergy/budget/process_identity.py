"""Identify the processes that hold requests and leases, and check whether they are alive.

A process is identified by id, start time, process namespace and boot, so that a reused id is not
taken for the process that had it before, and a container or a host does not judge the processes of
another one. The first namespace has the same number on every host: only the boot tells hosts apart.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from givenergy.budget.clock import boot_id

__all__ = ["is_alive", "is_surely_dead", "own_identity"]


def own_identity() -> str:
    """Return this process' identity, the same in all its threads."""
    pid = os.getpid()
    return f"{pid}:{_start_time(pid) or ''}:{_namespace()}@{boot_id()}"


def is_alive(identity: str) -> bool | None:
    """Return whether the process is alive; None if that cannot be determined from here."""
    try:
        pid_text, start, place = identity.split(":", 2)
        pid = int(pid_text)
    except ValueError:
        return None
    # Identities without a boot are of earlier versions, in a file of one machine.
    namespace, _, boot = place.partition("@")
    if namespace != _namespace() or boot not in ("", boot_id()):
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


def is_surely_dead(identity: str) -> bool:
    """Return whether a process is dead, whatever the names of machines: not by its id alone."""
    start = identity.partition(":")[2].partition(":")[0]
    return bool(start) and is_alive(identity) is False


def _start_time(pid: int) -> str | None:
    """Return the clock ticks from boot to the process' start; None if gone or without /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The program name is in brackets and may itself contain spaces and brackets.
    fields = stat.rpartition(b")")[2].split()
    if fields[0] in (b"Z", b"X"):  # ended, not yet waited for by its parent
        return None
    return fields[19].decode("ascii")


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not a path, a name
    except OSError:
        # Elsewhere than on Linux the boots of two machines can have one name.
        return platform.node()
