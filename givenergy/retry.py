"""How long a failing request is tried again, and with what pauses.

Only the arithmetic: which failures are worth another try is the client's business, and pauses that
concern everybody (429, a host that is down) are the budget's.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["NO_RETRY", "RetryPolicy"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Pauses double from `base_s` to `ceiling_s`, each shortened or lengthened by up to a quarter.

    A request is given up only when `tries` have failed *and* `span_s` has passed since the first
    failure: a span shorter than the API's window of 60 s could end inside one bad minute. Probes
    of a host that is down and answers of 429 are not counted as tries.

    Attributes:
        tries: Tries that count before a request may be given up.
        base_s: Pause after the first failure, in seconds.
        ceiling_s: Longest pause, in seconds.
        span_s: Shortest time from the first failure to giving up, in seconds.
        patience_s: Longest wait for a host that has answered before and is down now, and for the
            end of a storm of 429, in seconds.
    """

    tries: int = 7
    base_s: float = 0.5
    ceiling_s: float = 30.0
    span_s: float = 75.0
    patience_s: float = 6 * 3600.0

    def exhausted(self, failures: int, elapsed_s: float) -> bool:
        """Whether to give up after `failures` counted tries, `elapsed_s` after the first."""
        return failures >= self.tries and elapsed_s >= self.span_s

    def pause_s(self, failures: int) -> float:
        """Seconds to wait before the next try, after `failures` counted tries (at least 1)."""
        pause = min(self.base_s * 2.0 ** (failures - 1), self.ceiling_s)
        return float(pause * random.uniform(0.75, 1.25))


NO_RETRY = RetryPolicy(tries=1, span_s=0.0, patience_s=0.0)
