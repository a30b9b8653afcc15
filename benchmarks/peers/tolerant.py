"""Run a command that may end with 1, as `status` does where days are missing."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.owner import Owner

_LOOKED_FOR = ("dagster", "pandera")
# Ends as the command does; a file gets the names of what it imported.
_CODE = """
import atexit, pathlib, runpy, sys
file, names = pathlib.Path(sys.argv[1]), sys.argv[2].split(",")
sys.argv = ["givlake", *sys.argv[3:]]
atexit.register(lambda: file.write_text(" ".join(n for n in names if n in sys.modules)))
runpy.run_module("pipelines.cli", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds of a command, and which of the looked-for packages it imported."""

    cpu_s: float
    imported: tuple[str, ...]


def run_counted(checkout: Path, arguments: tuple[str, ...], owner: Owner) -> Used:
    """Run givlake of a checkout in an owner's folder.

    Raises:
        SystemExit: The command failed.
    """
    file = owner.folder / "imported.txt"
    command = [checkout / ".venv/bin/python", "-c", _CODE, file, ",".join(_LOOKED_FOR), *arguments]
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=owner.folder,
        env=owner.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"givlake {' '.join(arguments)} ended with {process.returncode}")
    return Used(used.ru_utime + used.ru_stime, tuple(file.read_text().split()))
