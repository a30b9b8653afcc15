"""The circuit breaker: when the host fails everybody, one request at a time tries whether it is up.

Pure functions on its state. It belongs to the account's shared state, so that all processes pause
and return together; what is a failure is decided by the client.
"""

from __future__ import annotations

import msgspec

from givenergy.budget.interface import Outcome
from givenergy.budget.state import Breaker

__all__ = ["BreakerPolicy", "admit", "record"]


class BreakerPolicy(msgspec.Struct, frozen=True):
    """The constants of the breaker.

    Attributes:
        failures: Failures in a row, of all processes together, that open it. Independent faults
            in a fifth of the requests reach eight once in 400,000.
        first_ms: Wait before the first probe; doubled after each failed one.
        longest_ms: Longest wait between probes: how late the end of an outage is noticed.
    """

    failures: int = 8
    first_ms: int = 1_000
    longest_ms: int = 30_000


def admit(breaker: Breaker, now_ms: int) -> int:
    """0 if a request may pass (as the probe, when open), else ms to wait before asking again."""
    if not breaker.opened_ms:
        return 0
    if breaker.probe_id:
        return 250
    return max(0, breaker.probe_at_ms - now_ms)


def record(
    breaker: Breaker, policy: BreakerPolicy, now_ms: int, *, id_: int, outcome: Outcome
) -> None:
    """Take in how the request `id_` ended."""
    if outcome in (Outcome.ANSWERED, Outcome.RATE_LIMITED):
        # A refusal for rate is an answer too: the host is there.
        breaker.failures = breaker.opened_ms = breaker.probe_id = 0
        breaker.ever_answered = True
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
