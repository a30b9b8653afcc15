"""A thread that keeps up what this process holds: leases, and answers the store could not take.

One for each budget and process, started when first needed. It does not keep the budget alive: it
ends when nobody else holds it any more. What a round does is the budget's own business.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

from givenergy.errors import BudgetStoreError

__all__ = ["Keeper"]

# Shorter than a new store's hold: whoever knows a deleted store has told by then.
_ROUND_S = 0.5


class _Kept(Protocol):
    def keep(self) -> None: ...


class Keeper:
    """Calls `keep` of what it keeps twice a second, until stopped or nobody needs it."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = weakref.ref(kept)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pid = 0

    def ensure_running(self) -> None:
        """Start the thread if it does not run in this process; a fork leaves it behind."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._stop = threading.Event()
                threading.Thread(
                    target=_rounds, args=(self._kept, self._stop), name="budget-keeper", daemon=True
                ).start()

    def stop(self) -> None:
        """End the thread; the next `ensure_running` starts another."""
        with self._lock:
            self._stop.set()
            self._pid = 0


def _rounds(reference: weakref.ref[_Kept], stop: threading.Event) -> None:
    while not stop.wait(_ROUND_S):
        kept = reference()
        if kept is None:
            return
        try:
            kept.keep()
        except BudgetStoreError:
            # Whoever asks for the next grant is told; the keeper tries again.
            continue
        finally:
            del kept
