"""Run givlake and see what it imported; `status` may end with 1, as where days are missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import Usage, measure
from benchmarks.peers.checkouts import python_of
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
class Counted:
    """What a command used, and which of the looked-for packages it imported."""

    usage: Usage
    imported: tuple[str, ...]


def run_counted(checkout: Path, arguments: tuple[str, ...], owner: Owner) -> Counted:
    """Run givlake of a checkout in an owner's folder.

    Raises:
        SystemExit: The command failed.
    """
    file = owner.folder / "imported.txt"
    command = [python_of(checkout), "-c", _CODE, file, ",".join(_LOOKED_FOR), *arguments]
    usage = measure(command, owner, statuses=(0, 1) if arguments == ("status",) else (0,))
    return Counted(usage, tuple(file.read_text().split()))
