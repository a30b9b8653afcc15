"""Run a module and write its counts: calls, imported modules, statements, files forced to disk.

    python -m benchmarks.quick.counted FILE MODULE [ARGUMENT...]

Counts of all threads, without those of child processes. Calls are those of functions of Python and
of C; a loop that does more shows in them, because its work is in calls. DuckDB's
functions are not seen.
"""

from __future__ import annotations

import itertools
import json
import runpy
import sys
import threading
from pathlib import Path
from types import FrameType

_CALLS = itertools.count()
_FSYNCS = itertools.count()
_STATEMENTS = itertools.count()
_STATEMENT_NAMES = frozenset(("execute", "executemany", "executescript", "sql"))


def _count(_: FrameType, event: str, function: object) -> None:
    if event == "call":
        next(_CALLS)
    elif event == "c_call":
        next(_CALLS)
        name = getattr(function, "__name__", "")
        if name in _STATEMENT_NAMES:
            next(_STATEMENTS)
        elif name == "fsync":
            next(_FSYNCS)


def main(file: str, module: str, *arguments: str) -> None:
    """Run the module as `python -m` does, and write the counts however it ends."""
    sys.argv = [module, *arguments]
    threading.setprofile(_count)
    sys.setprofile(_count)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        sys.setprofile(None)
        counts = {
            "calls": next(_CALLS),
            "modules imported": len(sys.modules),
            "SQLite statements": next(_STATEMENTS),
            "fsyncs": next(_FSYNCS),
        }
        Path(file).write_text(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
