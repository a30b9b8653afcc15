"""The tries of one page: how many there were, and when to give it up.

How long to try stands in `retry`, what a failure is in `verdict`; sending belongs to the client.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from givenergy.budget.interface import Outcome
from givenergy.errors import GivEnergyError, HostDownError, RetryableError
from givenergy.retry import RetryPolicy
from givenergy.verdict import Failure

__all__ = ["Tries"]

# A host that never answered this client is more likely a wrong address than a passing outage.
_TRIES_TO_REACH = 5


@dataclass(slots=True)
class Tries:
    """How often one page has been tried and has failed, and since when.

    Attributes:
        what: The request in words: method and path.
        host: The host that is asked.
        attempts: Requests made.
        failures: Those among them that count against the request.
        first_failure_s: When the first failed, by the monotonic clock; 0 before that.
    """

    what: str
    host: str
    attempts: int = 0
    failures: int = 0
    first_failure_s: float = 0.0

    def failed(self, failure: Failure, *, probe: bool) -> None:
        """Note a failure; `probe` tells that it was a look whether the host is back."""
        self.first_failure_s = self.first_failure_s or time.monotonic()
        # A refusal for rate and a probe of a host that is down say nothing about this request.
        if failure.outcome is not Outcome.RATE_LIMITED and not probe:
            self.failures += 1

    def given_up(
        self, failure: Failure, message: str, *, policy: RetryPolicy, reached: bool
    ) -> GivEnergyError | None:
        """The error to end with, None if another try is due.

        Args:
            failure: The last failure.
            message: What it said, without secrets.
            policy: How long to try.
            reached: Whether the host has ever answered this client.
        """
        elapsed_s = time.monotonic() - self.first_failure_s
        if failure.outcome is Outcome.UNREACHED and not reached and self._in_vain:
            return HostDownError(
                f"{self.host} cannot be reached ({message})",
                vendor_message=message,
                hint="Check the network and GIVENERGY_API_URL, then start again.",
            )
        if policy.exhausted(self.failures, elapsed_s):
            times = "once" if self.failures == 1 else f"{self.failures} times"
            return RetryableError(
                f"{self.what} to {self.host} failed {times} in {elapsed_s:.0f} s; "
                f"the last answer was: {message}",
                status=failure.status,
                vendor_message=message,
                hint="Run the same command again later: only what is missing is fetched.",
            )
        if elapsed_s > policy.patience_s and self.attempts > self.failures:
            return HostDownError(
                f"{self.host} has not let {self.what} through for {elapsed_s / 60:.0f} min; "
                f"the last answer was: {message}",
                status=failure.status,
                vendor_message=message,
                hint="Check the network and the API's address, then start again.",
            )
        return None

    @property
    def _in_vain(self) -> bool:
        return self.failures >= _TRIES_TO_REACH
