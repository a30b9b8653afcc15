"""The API's rate limit: fixed windows, in which requests count when they arrive.

Belongs here: counting requests and reporting past windows. Does not belong here: which requests
count and how a refused one is answered (`simulator.api`).
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

_WINDOWS_KEPT = 10_000


@dataclass(slots=True)
class WindowUsage:
    """One window. `used` counts requests within the limit, `limited` those answered by 429."""

    number: int
    started_at: float
    used: int = 0
    limited: int = 0
    neighbours: int = 0
    last_at: float = 0.0


@dataclass(frozen=True, slots=True)
class LimitDecision:
    """Whether a request is within the limit, and what remains."""

    allowed: bool
    limit: int
    remaining: int
    window: int
    reset_in_s: float


class FixedWindowBudget:
    """One budget. A window starts with its first request and lasts `length_s`."""

    def __init__(
        self, limit: int, length_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start without a window; the first request opens one."""
        self.limit = limit
        self.length_s = length_s
        self._clock = clock
        self.windows: deque[WindowUsage] = deque(maxlen=_WINDOWS_KEPT)
        self._lock = threading.Lock()

    def count(self, *, neighbour: bool = False) -> LimitDecision:
        """Count a request that arrives now."""
        with self._lock:
            now = self._clock()
            window = self.windows[-1] if self.windows else None
            if window is None or now - window.started_at >= self.length_s:
                number = window.number + 1 if window else 1
                window = WindowUsage(number, now)
                self.windows.append(window)
            allowed = window.used < self.limit
            if allowed:
                window.used += 1
            else:
                window.limited += 1
            window.neighbours += neighbour
            window.last_at = now
            return LimitDecision(
                allowed=allowed,
                limit=self.limit,
                remaining=self.limit - window.used,
                window=window.number,
                reset_in_s=window.started_at + self.length_s - now,
            )

    def report(self) -> list[dict[str, Any]]:
        """Return the windows so far, oldest first; times are of the monotonic clock."""
        with self._lock:
            return [asdict(window) for window in self.windows]


class RateLimits:
    """All budgets by name: of accounts, of endpoints with a limit of their own, of addresses."""

    def __init__(self, limit: int, window_s: float) -> None:
        """Set the limit and window for budgets without one of their own."""
        self._limit = limit
        self._window_s = window_s
        self._budgets: dict[str, FixedWindowBudget] = {}
        self._lock = threading.Lock()

    def budget(self, name: str, own: tuple[int, float] | None = None) -> FixedWindowBudget:
        """Return the budget with this name; `own` is its limit and window if it has its own."""
        with self._lock:
            if name not in self._budgets:
                limit, window_s = own or (self._limit, self._window_s)
                self._budgets[name] = FixedWindowBudget(limit, window_s)
            return self._budgets[name]

    def report(self) -> dict[str, list[dict[str, Any]]]:
        """Return the windows of every budget."""
        with self._lock:
            budgets = dict(self._budgets)
        return {name: budget.report() for name, budget in budgets.items()}
