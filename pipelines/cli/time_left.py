"""The time left of a run, from the requests made so far, so that it does not jump.

The API grants requests by the minute: a client sends most of a minute's requests at once and then
waits. The rate is therefore that of the whole run, never above what the API allows, and what is
shown moves towards a new estimate gradually.
"""

import math

# How many seconds at the API's own rate are added to what is measured, and how soon they fade.
_PRIOR_S = 20.0
_PRIOR_FADES_S = 60.0
# How soon the shown time follows a new estimate; sooner if little time is left.
_FOLLOW_S = 20.0
_FOLLOW_LEFT = 0.25


class TimeLeft:
    """Estimates the time left; the caller passes the time, by any clock that does not go back."""

    def __init__(self, began_s: float) -> None:
        """Start at a time, in seconds."""
        self._began_s = self._updated_s = began_s
        self._ends_s: float | None = None

    def update(
        self,
        now_s: float,
        done: int,
        total: int,
        limit_per_minute: int | None,
        budget_s: float = 0.0,
    ) -> float:
        """Return the seconds left.

        Args:
            now_s: The present time.
            done: Requests made since the start.
            total: Requests expected, those made included.
            limit_per_minute: Requests per minute that the API allows; None if unknown.
            budget_s: Seconds that the request budget takes for what is left, at least.
        """
        elapsed_s = now_s - self._began_s
        allowed = math.inf if limit_per_minute is None else limit_per_minute / 60
        if math.isinf(allowed):
            rate = done / max(elapsed_s, 1e-9)
        else:
            prior_s = _PRIOR_S * math.exp(-elapsed_s / _PRIOR_FADES_S)
            rate = min(allowed, (done + prior_s * allowed) / (elapsed_s + prior_s))
        left = max(total - done, 0)
        ends_s = now_s + max(left / rate if rate > 0 else 0.0, budget_s)
        if self._ends_s is None or rate == 0:
            self._ends_s = ends_s
        else:
            follow_s = max(1.0, min(_FOLLOW_S, _FOLLOW_LEFT * (self._ends_s - now_s)))
            share = 1 - math.exp(-(now_s - self._updated_s) / follow_s)
            self._ends_s += share * (ends_s - self._ends_s)
        self._updated_s = now_s
        return max(self._ends_s - now_s, 0.0) if left else 0.0
