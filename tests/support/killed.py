"""A program that kills itself with SIGKILL at a step between the archive and the tables.

    python -m tests.support.killed STEP SKIP MODULE [ARGUMENT ...]

MODULE runs unchanged up to the given step; the step is passed SKIP times before the process is
killed there.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from pipelines.local_reader.poll_journal import PollJournal
from warehouse.index.watermarks import pending_responses

STORE = import_module("warehouse.archive.store")
BUILD = import_module("warehouse.tables.build")  # the package has a function of this name
CATALOGUE = import_module("warehouse.catalogue")
UNITS = import_module("warehouse.storage.transaction")
WORK = import_module("warehouse.tables.builder")
Condition = Callable[..., bool]


def always(*_: Any, **__: Any) -> bool:
    return True


def has_something_to_build(lake: Any, decoder: Any, *_: Any, **__: Any) -> bool:
    lake.archive.flush()
    return bool(pending_responses(lake, [decoder.dataset]))


def stages_rows(unit: Any, change: Any, *_: Any) -> bool:
    return any(name.startswith("tables/") and "_schema" not in name for name in change.facts)


def moves_rows(unit: Any, journal: Any) -> bool:
    return any(name.startswith("tables/") and "_schema" not in name for _, name in journal["moves"])


def is_of(name: str) -> Condition:
    return lambda unit, *_: unit.name == name


# Step -> (where the function is looked up, its name, after it rather than before, on which calls)
STEPS: dict[str, tuple[Any, str, bool, Condition]] = {
    "answer in memory": (STORE.Archive, "append", True, always),
    "segment written": (STORE, "publish", False, always),
    "segment published": (STORE, "publish", True, always),
    "answers archived": (BUILD, "_locked", False, has_something_to_build),
    "build begun": (WORK.TableBuilder, "_merge_file", False, always),
    "table staged": (UNITS.FileSet, "_commit", False, stages_rows),
    "journal written": (UNITS.FileSet, "_apply", False, moves_rows),
    "table built": (UNITS.FileSet, "_apply", True, moves_rows),
    "requests staged": (UNITS.FileSet, "_commit", False, is_of("requests")),
    "requests decided": (UNITS.FileSet, "_apply", False, is_of("requests")),
    "coverage staged": (UNITS.FileSet, "_commit", False, is_of("coverage")),
    "coverage decided": (UNITS.FileSet, "_apply", False, is_of("coverage")),
    "catalogue made": (CATALOGUE, "publish_file", False, always),
    "catalogue in place": (CATALOGUE, "publish_file", True, always),
    "poll durable": (PollJournal, "append", True, always),
    "polls archived": (PollJournal, "clear", False, always),
    "polls removed": (PollJournal, "clear", True, always),
}


def arm(step: str, skip: int) -> None:
    """Kill this process at a step, after passing it `skip` times."""
    holder, name, after, condition = STEPS[step]
    function = getattr(holder, name)
    left = skip

    def end() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @wraps(function)
    def armed(*arguments: Any, **options: Any) -> Any:
        met = condition(*arguments, **options)
        if met and not after:
            end()
        result = function(*arguments, **options)
        if met and after:
            end()
        return result

    setattr(holder, name, armed)


def main(step: str, skip: str, *module_and_arguments: str) -> None:
    arm(step, int(skip))
    sys.argv = list(module_and_arguments)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
