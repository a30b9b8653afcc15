"""The API's fixed windows: a number of requests per account, counted when they arrive.

Belongs here: counting and what the counters were. Does not belong here: which requests count and
what a refused one is told (``api``).
"""

import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

_WINDOWS_KEPT = 10_000


@dataclass(slots=True)
class Window:
    """One window. ``used`` counts requests within the limit, ``limited`` those answered by 429."""

    number: int
    started_at: float
    used: int = 0
    limited: int = 0
    neighbours: int = 0
    last_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limit says to one request."""

    allowed: bool
    limit: int
    remaining: int
    window: int
    reset_in_s: float


class FixedWindow:
    """One budget. The window starts with its first request and lasts ``length_s``."""

    def __init__(self, limit: int, length_s: float) -> None:
        """No window is open until the first request."""
        self.limit = limit
        self.length_s = length_s
        self.windows: deque[Window] = deque(maxlen=_WINDOWS_KEPT)
        self._lock = threading.Lock()

    def count(self, *, neighbour: bool = False) -> Verdict:
        """Counts one request that arrives now."""
        with self._lock:
            now = time.monotonic()
            window = self.windows[-1] if self.windows else None
            if window is None or now - window.started_at >= self.length_s:
                number = window.number + 1 if window else 1
                window = Window(number, now)
                self.windows.append(window)
            allowed = window.used < self.limit
            if allowed:
                window.used += 1
            else:
                window.limited += 1
            window.neighbours += neighbour
            window.last_at = now
            return Verdict(
                allowed=allowed,
                limit=self.limit,
                remaining=self.limit - window.used,
                window=window.number,
                reset_in_s=window.started_at + self.length_s - now,
            )

    def report(self) -> list[dict[str, Any]]:
        """The windows so far, oldest first; times are of the monotonic clock."""
        with self._lock:
            return [asdict(window) for window in self.windows]


class RateLimits:
    """All budgets by name: one for each account, for each own-limit endpoint, for strangers."""

    def __init__(self, limit: int, window_s: float) -> None:
        """``limit`` and ``window_s`` are those of a budget that has none of its own."""
        self._limit = limit
        self._window_s = window_s
        self._budgets: dict[str, FixedWindow] = {}
        self._lock = threading.Lock()

    def budget(self, name: str, own: tuple[int, float] | None = None) -> FixedWindow:
        """The budget with this name; ``own`` is its limit and window where it has its own."""
        with self._lock:
            if name not in self._budgets:
                limit, window_s = own or (self._limit, self._window_s)
                self._budgets[name] = FixedWindow(limit, window_s)
            return self._budgets[name]

    def report(self) -> dict[str, list[dict[str, Any]]]:
        """The windows of every budget."""
        with self._lock:
            budgets = dict(self._budgets)
        return {name: budget.report() for name, budget in budgets.items()}
