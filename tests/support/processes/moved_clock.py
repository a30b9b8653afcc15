"""Move the clock of this process: Python's, and DuckDB's current time.

The clock keeps ticking; monotonic clocks, file times and SQLite's clock are the machine's.
Processes that a test starts load this through `sitecustomize`, the process of the tests through
`tests.support.clock`.
"""

import functools
import importlib.abc
import importlib.util
import sys
import time
from collections.abc import Iterator
from typing import Any

# time-machine brings a plugin for pytest, and loading that takes longer than all the rest.
_PYTEST = "pytest"
_ABSENT = object()
_known = sys.modules.get(_PYTEST, _ABSENT)
if _known is _ABSENT:
    sys.modules[_PYTEST] = None  # type: ignore[assignment]
try:
    import time_machine
finally:
    if _known is _ABSENT:
        del sys.modules[_PYTEST]

_NAMES = {
    "now": "{}",
    "get_current_timestamp": "{}",
    "current_date": "CAST({} AS DATE)",
    "today": "CAST({} AS DATE)",
    "current_localtimestamp": "CAST({} AS TIMESTAMP)",
}


class MovedClock:
    """The clock of this process, at most one at a time."""

    def __init__(self) -> None:
        self.shift_s: float | None = None
        self._traveller: Any = None
        self._coordinates: Any = None
        self._duckdb_follows = False

    def move(self, shift_s: float | None, *, ticking: bool = True) -> None:
        """Shift the clock from the machine's, or restore the machine's.

        Args:
            shift_s: Seconds ahead of the machine's clock; None: the machine's clock.
            ticking: False: the clock is stopped, as while test modules are imported.
        """
        self.shift_s = shift_s
        if shift_s is None:
            if self._traveller is not None:
                self._traveller.stop()
            self._traveller = None
            return
        at = machine_time() + shift_s
        if self._traveller is None:
            self._traveller = time_machine.travel(at, tick=ticking)
            self._coordinates = self._traveller.start()
        else:
            self._coordinates.move_to(at, tick=ticking)
        if not self._duckdb_follows:
            self._duckdb_follows = True
            _once_imported("duckdb", self._lead)

    def _lead(self, duckdb: Any) -> None:
        plain = duckdb.connect

        @functools.wraps(plain)
        def connect(*arguments: Any, **settings: Any) -> Any:
            connection = plain(*arguments, **settings)
            for statement in self._macros():
                connection.execute(statement)
            return connection

        duckdb.connect = connect

    def _macros(self) -> Iterator[str]:
        """Yield macros that shadow DuckDB's time functions in a session, also for stored views."""
        if self.shift_s is not None:
            ahead = f"to_microseconds({round(self.shift_s * 1e6)})"
            for name, text in _NAMES.items():
                moment = f"(transaction_timestamp() + {ahead})"
                yield f"CREATE TEMP MACRO {name}() AS {text.format(moment)}"


def machine_time() -> float:
    """Return the machine's time, regardless of this process' clock."""
    hatch = time_machine.escape_hatch
    return float(hatch.time.time() if hatch.is_travelling() else time.time())


def _once_imported(name: str, do: Any) -> None:
    """Call a function with a module, now or right after its first import."""
    if name in sys.modules:
        do(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Waiting(name, do))


class _Waiting(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, do: Any) -> None:
        self._name, self._do = name, do

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                self._do(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


CLOCK = MovedClock()
