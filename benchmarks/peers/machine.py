"""What was measured where: machine, versions, and what the simulator serves by itself."""

from __future__ import annotations

import os
import platform
import subprocess
import threading
from importlib.metadata import version
from pathlib import Path

from benchmarks.common import ROOT, print_load

_PACKAGES = ("dagster", "duckdb", "msgspec", "pandera", "pyarrow", "requests")


def print_machine(dlt_python: Path | None, dlt: str, against: Path | None) -> None:
    """Print processor, Python, versions and commits."""
    print("## Machine and versions\n")
    print(f"- {cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    print(f"- Python {platform.python_version()}")
    print(f"- {', '.join(f'{name} {version(name)}' for name in _PACKAGES)}")
    print(f"- givlake at {commit(ROOT)}{f'; before: {commit(against)}' if against else ''}")
    print(f"- dlt: {dlt if dlt_python else f'NOT MEASURED, {dlt}'}\n")
    print_load()


def cpu_model() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def commit(checkout: Path) -> str:
    """Return the short hash of a checkout's commit; with `+` where files have been changed."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def cpu_s_of_process(pid: int) -> float:
    """Return the user and system time of a process that is running, where /proc has it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def child_pid() -> int:
    """Return the newest child process of this one: the simulator, right after its start."""
    task = Path(f"/proc/{os.getpid()}/task/{threading.main_thread().native_id}/children")
    return int(task.read_text().split()[-1])
