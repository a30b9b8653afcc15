"""A thread that renews what this process holds in the budget.

One for each budget and process, started when first needed. It ends when the budget is closed or no
longer referenced. What is renewed is decided by the budget.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

from givenergy.errors import BudgetStoreError

__all__ = ["Heartbeat"]

# Shorter than the time in which processes must notice that what is stored was lost.
_INTERVAL_S = 0.5


class _Renewing(Protocol):
    def renew(self) -> None: ...


class Heartbeat:
    """Calls `renew` of its owner twice a second, until stopped or the owner is gone."""

    def __init__(self, owner: _Renewing) -> None:
        self._owner = weakref.ref(owner)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pid = 0

    def ensure_running(self) -> None:
        """Start the thread if it does not run in this process; a forked child has none."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._stop = threading.Event()
                threading.Thread(
                    target=_beat,
                    args=(self._owner, self._stop),
                    name="budget-heartbeat",
                    daemon=True,
                ).start()

    def stop(self) -> None:
        """Stop the thread; the next `ensure_running` starts another."""
        with self._lock:
            self._stop.set()
            self._pid = 0


def _beat(reference: weakref.ref[_Renewing], stop: threading.Event) -> None:
    while not stop.wait(_INTERVAL_S):
        owner = reference()
        if owner is None:
            return
        try:
            owner.renew()
        except BudgetStoreError:
            # The next grant raises it to its caller; the heartbeat tries again.
            continue
        finally:
            del owner
