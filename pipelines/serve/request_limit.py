"""The API's limit of requests: a window that begins with its first request and lasts a minute."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

LIMIT = 300
WINDOW_S = 60.0


class Allowance(NamedTuple):
    """Whether a request is within the limit, what remains, and when the next window begins."""

    is_allowed: bool
    remaining: int
    wait_s: float


class RequestLimit:
    """Counts requests; safe for threads."""

    def __init__(self, limit: int = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without a window.

        Args:
            limit: Requests per window.
            clock: The time in seconds.
        """
        self.limit = limit
        self._clock = clock
        self._begun = float("-inf")
        self._used = 0
        self._lock = threading.Lock()

    def count(self) -> Allowance:
        """Count a request that arrives now."""
        with self._lock:
            now = self._clock()
            if now - self._begun >= WINDOW_S:
                self._begun, self._used = now, 0
            is_allowed = self._used < self.limit
            self._used += is_allowed
            return Allowance(is_allowed, self.limit - self._used, self._begun + WINDOW_S - now)
