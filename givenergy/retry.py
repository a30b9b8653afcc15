"""How often and how long a failing request is retried, and with what pauses.

A firewall, a proxy or a network's login page can answer in place of the API, for some endpoints or
for all, seconds or hours long. One request at a time tries again while the others of the endpoint
wait, so that a block costs few requests. If it lasts they fail, and the next command tries again.

What a failure is is defined in `response`, requests are sent by the client, and pauses that concern
all requests (429, a host that is down) belong to the budget.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from givenergy.budget.request_budget import RequestOutcome
from givenergy.endpoints.definition import Endpoint
from givenergy.errors import (
    ForeignAnswerError,
    GivEnergyError,
    HostDownError,
    RetryableError,
)
from givenergy.response import AttemptFailure

__all__ = ["NO_RETRY", "ForeignAnswers", "RetryPolicy", "RetryState", "foreign_answers"]

# A host that never answered this client is more likely a wrong address than an outage.
_ATTEMPTS_TO_REACH = 5
# Blocks last longer than faults of the network: fewer attempts, and pauses twice as long.
_FOREIGN_TRIES = 5
_FOREIGN_SPAN_S = 10.0
_POLL_S = 0.25
# Outcomes of requests with which the API has done nothing.
_NOT_PROCESSED = (RequestOutcome.UNREACHED, RequestOutcome.RATE_LIMITED)


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


class ForeignAnswers:
    """Coordinates the retries of one endpoint while something other than the API answers.

    For use by all threads of a client.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._tries = min(policy.tries, _FOREIGN_TRIES)
        self._span_s = min(policy.span_s, _FOREIGN_SPAN_S)
        self._policy = policy
        self._changed = threading.Condition()
        self._retrying: int | None = None
        self._failures = 0
        self._first_s = 0.0
        self._given_up = ""

    @contextmanager
    def request(self) -> Iterator[None]:
        """Surround all attempts of a request; another one takes over the retries afterwards."""
        try:
            yield
        finally:
            with self._changed:
                if self._retrying == threading.get_ident():
                    self._retrying = None
                    self._changed.notify_all()

    def wait(self, cancelled: threading.Event) -> None:
        """Wait while another request finds out whether the API answers again.

        Raises:
            ForeignAnswerError: If the endpoint was given up.
        """
        me = threading.get_ident()
        with self._changed:
            while self._retrying not in (None, me) and not cancelled.is_set():
                self._changed.wait(_POLL_S)
            if self._given_up:
                raise ForeignAnswerError(self._given_up)
            if self._failures:
                self._retrying = me

    def passed(self) -> None:
        """Record an answer of the API itself."""
        if not self._failures:
            return
        with self._changed:
            self._failures, self._retrying = 0, None
            self._changed.notify_all()

    def failed(self, what: str, message: str, status: int | None) -> ForeignAnswerError | None:
        """Record another answer; return the error to end with, None if another attempt is due."""
        me, now = threading.get_ident(), time.monotonic()
        with self._changed:
            if self._given_up:
                return ForeignAnswerError(self._given_up, status=status, vendor_message=message)
            if self._retrying not in (None, me):
                return None
            self._retrying = me
            self._first_s = self._first_s if self._failures else now
            self._failures += 1
            if self._failures < self._tries or now - self._first_s < self._span_s:
                return None
            times = "once" if self._failures == 1 else f"{self._failures} times"
            self._given_up = (
                f"{what} failed {times} in {now - self._first_s:.0f} s. {message} Run the same"
                " command again later: only missing data is fetched."
            )
            return ForeignAnswerError(self._given_up, status=status, vendor_message=message)

    def pause_s(self) -> float:
        """Return the seconds to wait before the next attempt of the request that retries."""
        if self._retrying != threading.get_ident():
            return 0.0
        return self._policy.pause_s(self._failures + 1)


def foreign_answers(
    endpoints: Iterable[Endpoint], policy: RetryPolicy
) -> dict[str, ForeignAnswers]:
    """Return the retries of each endpoint, by name; what may reach a device is sent once."""
    return {
        endpoint.name: ForeignAnswers(NO_RETRY if endpoint.asks_device else policy)
        for endpoint in endpoints
    }


@dataclass(slots=True)
class RetryState:
    """The attempts of one page: how many there were, and when the first failed.

    Attributes:
        what: The request: method and path.
        host: The host of the API.
        foreign: The retries of the endpoint while something other than the API answers.
        most_attempts: Value of `tried` after which to give up in any case; None for no such limit.
        is_sent_once: Whether an attempt that may have reached the API is the last in any case.
        attempts: Attempts made.
        tried: Those that reached the host, without 429 responses and probes of a host that is down;
            probes too if it is sent once.
        failures: Attempts that count as failures of the request.
        first_failure_s: When the first failed, by the monotonic clock; 0 before that.
    """

    what: str
    host: str
    foreign: ForeignAnswers
    most_attempts: int | None = None
    is_sent_once: bool = False
    attempts: int = 0
    tried: int = 0
    failures: int = 0
    first_failure_s: float = 0.0

    def pause_s(self, failure: AttemptFailure, policy: RetryPolicy) -> float:
        """Return the seconds to wait before the next attempt."""
        if failure.is_foreign:
            return self.foreign.pause_s()
        return policy.pause_s(self.failures) if self.failures else 0.0

    def count_failure(
        self,
        failure: AttemptFailure,
        message: str,
        *,
        policy: RetryPolicy,
        reached: bool,
        probe: bool,
    ) -> GivEnergyError | None:
        """Count a failure; return the error to end with, None if another attempt is due.

        Args:
            failure: The failure.
            message: Its message, without secrets.
            policy: How long to retry.
            reached: Whether the host has ever answered this client.
            probe: Whether the attempt probed if a host that is down is back.
        """
        # Neither a 429 nor a probe of a host that is down shows anything about this request.
        counts = failure.outcome is not RequestOutcome.RATE_LIMITED and not probe
        is_tried = counts or (probe and self.is_sent_once)
        self.tried += is_tried and failure.outcome not in _NOT_PROCESSED
        if failure.is_foreign:
            return self.foreign.failed(self.what, message, failure.status)
        self.first_failure_s = self.first_failure_s or time.monotonic()
        self.failures += counts
        if failure.final is not None:
            self.foreign.passed()
            return failure.final
        return self._error_if_exhausted(failure, message, policy, reached)

    def _error_if_exhausted(
        self, failure: AttemptFailure, message: str, policy: RetryPolicy, reached: bool
    ) -> GivEnergyError | None:
        elapsed_s = time.monotonic() - self.first_failure_s
        unreached = failure.outcome is RequestOutcome.UNREACHED and not reached
        if unreached and self.failures >= _ATTEMPTS_TO_REACH:
            return HostDownError(
                f"{self.host} cannot be reached ({message})",
                vendor_message=message,
                hint="Check the network and GIVENERGY_API_URL, then start again.",
            )
        most = self.most_attempts is not None and self.tried >= self.most_attempts
        if most or policy.exhausted(self.failures, elapsed_s):
            failures = self.tried if most else self.failures
            times = "once" if failures == 1 else f"{failures} times"
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
