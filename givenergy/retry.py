"""How often and how long a failing request is retried, and with what pauses.

What a failure is is defined in `response`, requests are sent by the client, and pauses that concern
all requests (429, a host that is down) belong to the budget.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from givenergy.budget.request_budget import RequestOutcome
from givenergy.errors import GivEnergyError, HostDownError, RetryableError
from givenergy.response import AttemptFailure

__all__ = ["NO_RETRY", "RetryPolicy", "RetryState"]

# A host that never answered this client is more likely a wrong address than an outage.
_ATTEMPTS_TO_REACH = 5


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Pauses double from `base_s` to `ceiling_s`, each shortened or lengthened by up to a quarter.

    A request is given up only after `tries` failures *and* `span_s` since the first failure: a span
    shorter than the API's window of 60 s could end within one bad minute. Probes of a host that is
    down and 429 responses do not count as failures.

    Attributes:
        tries: Failures that count before a request may be given up.
        base_s: Pause after the first failure, in seconds.
        ceiling_s: Longest pause, in seconds.
        span_s: Shortest time from the first failure to giving up, in seconds.
        patience_s: Longest wait for a host that has answered before and is down now, and for the
            end of a series of 429 responses, in seconds.
    """

    tries: int = 7
    base_s: float = 0.5
    ceiling_s: float = 30.0
    span_s: float = 75.0
    patience_s: float = 6 * 3600.0

    def exhausted(self, failures: int, elapsed_s: float) -> bool:
        """Return whether to give up after `failures`, `elapsed_s` after the first."""
        return failures >= self.tries and elapsed_s >= self.span_s

    def pause_s(self, failures: int) -> float:
        """Return the seconds to wait before the next attempt, after at least one failure."""
        pause = min(self.base_s * 2.0 ** (failures - 1), self.ceiling_s)
        return float(pause * random.uniform(0.75, 1.25))


NO_RETRY = RetryPolicy(tries=1, span_s=0.0, patience_s=0.0)


@dataclass(slots=True)
class RetryState:
    """The attempts of one page: how many there were, and when the first failed.

    Attributes:
        what: The request: method and path.
        host: The host of the API.
        attempts: Requests made.
        failures: Attempts that count as failures of the request.
        first_failure_s: When the first failed, by the monotonic clock; 0 before that.
    """

    what: str
    host: str
    attempts: int = 0
    failures: int = 0
    first_failure_s: float = 0.0

    def count_failure(self, failure: AttemptFailure, *, probe: bool) -> None:
        """Count a failure; `probe` says that the attempt probed whether the host is back."""
        self.first_failure_s = self.first_failure_s or time.monotonic()
        # Neither a 429 nor a probe of a host that is down shows anything about this request.
        if failure.outcome is not RequestOutcome.RATE_LIMITED and not probe:
            self.failures += 1

    def error_if_exhausted(
        self, failure: AttemptFailure, message: str, *, policy: RetryPolicy, reached: bool
    ) -> GivEnergyError | None:
        """Return the error to end with, None if another attempt is due.

        Args:
            failure: The last failure.
            message: Its message, without secrets.
            policy: How long to retry.
            reached: Whether the host has ever answered this client.
        """
        elapsed_s = time.monotonic() - self.first_failure_s
        unreached = failure.outcome is RequestOutcome.UNREACHED and not reached
        if unreached and self.failures >= _ATTEMPTS_TO_REACH:
            return HostDownError(
                f"{self.host} cannot be reached ({message})",
                vendor_message=message,
                hint="Check the network and GIVENERGY_API_URL, then start again.",
            )
        if policy.exhausted(self.failures, elapsed_s):
            times = "once" if self.failures == 1 else f"{self.failures} times"
            return RetryableError(
                f"{self.what} to {self.host} failed {times} in {elapsed_s:.0f} s; "
                f"last error: {message}",
                status=failure.status,
                vendor_message=message,
                hint="Run the same command again later: only missing data is fetched.",
            )
        if elapsed_s > policy.patience_s and self.attempts > self.failures:
            return HostDownError(
                f"{self.host} has not accepted {self.what} for {elapsed_s / 60:.0f} min; "
                f"last error: {message}",
                status=failure.status,
                vendor_message=message,
                hint="Check the network and GIVENERGY_API_URL, then start again.",
            )
        return None
