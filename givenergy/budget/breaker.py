"""The circuit breaker: while the host is down, one request at a time probes whether it is back.

The rules are pure functions on the breaker in the account's shared state, so that all processes
pause and resume together. What counts as a failure is decided by the client.
"""

from __future__ import annotations

import msgspec

from givenergy.budget.request_budget import RequestOutcome
from givenergy.budget.state import Breaker
from givenergy.errors import HostDownError

__all__ = ["BreakerPolicy", "OutagePatience", "admit", "record"]

# The address of a host that never answered may be wrong: wait less than for one that did.
_UNKNOWN_HOST_S = 75.0


class BreakerPolicy(msgspec.Struct, frozen=True):
    """The constants of the breaker.

    Attributes:
        failures: Consecutive failures, over all processes, that open it. Independent faults in a
            fifth of the requests reach eight once in 400,000.
        first_ms: Wait before the first probe; doubled after each failed one.
        longest_ms: Longest wait between probes: how late the end of an outage is noticed.
    """

    failures: int = 8
    first_ms: int = 1_000
    longest_ms: int = 30_000


def admit(breaker: Breaker, now_ms: int) -> int:
    """Return 0 if a request may pass (as the probe, when open), else the ms to wait."""
    if not breaker.opened_ms:
        return 0
    if breaker.probe_id:
        return 250
    return max(0, breaker.probe_at_ms - now_ms)


def record(
    breaker: Breaker, policy: BreakerPolicy, now_ms: int, *, id_: int, outcome: RequestOutcome
) -> None:
    """Record how the request `id_` ended."""
    if outcome in (RequestOutcome.ANSWERED, RequestOutcome.RATE_LIMITED):
        # A 429 is a response too: the host is up.
        breaker.failures = breaker.opened_ms = breaker.probe_id = 0
        breaker.ever_answered = True
        return
    if outcome in (RequestOutcome.DEVICE_FAILED, RequestOutcome.UNSENT):
        if breaker.probe_id == id_:
            breaker.probe_id = 0  # and the next request probes
        return
    if not breaker.opened_ms:
        breaker.failures += 1
        if breaker.failures >= policy.failures:
            breaker.opened_ms = now_ms
            breaker.backoff_ms = policy.first_ms
            breaker.probe_at_ms = now_ms + policy.first_ms
        return
    if breaker.probe_id == id_:
        breaker.probe_id = 0
        breaker.backoff_ms = min(breaker.backoff_ms * 2, policy.longest_ms)
        breaker.probe_at_ms = now_ms + breaker.backoff_ms


class OutagePatience:
    """How long this process waits for a host that is down.

    The wait counts from when this process met the outage, and a process whose patience ends before
    the next probe probes at once, so that each tries at least once.
    """

    def __init__(self) -> None:
        self._opened_ms = self._met_ms = 0
        self._has_probed = False

    def note_probe(self) -> None:
        """Note that this process probes the host."""
        self._has_probed = True

    def wait_ms(self, breaker: Breaker, now_ms: int, patience_s: float | None) -> int:
        """Return 0 if a request may pass (as the probe, when open), else the ms to wait.

        Raises:
            HostDownError: If the outage has lasted longer than `patience_s` for this process.
        """
        if self._opened_ms != breaker.opened_ms:
            self._opened_ms, self._met_ms, self._has_probed = breaker.opened_ms, now_ms, False
        wait_ms = admit(breaker, now_ms)
        if not breaker.opened_ms or patience_s is None:
            return wait_ms
        if not breaker.ever_answered:
            patience_s = min(patience_s, _UNKNOWN_HOST_S)
        left_ms = self._met_ms + patience_s * 1000 - now_ms
        if wait_ms > left_ms and not breaker.probe_id and not self._has_probed:
            return 0
        if left_ms < 0:
            raise HostDownError(
                f"The API has not responded for {(now_ms - breaker.opened_ms) / 1000:.0f} s.",
                hint="Check the network and GIVENERGY_API_URL, then run the same command to "
                "resume.",
            )
        return wait_ms
