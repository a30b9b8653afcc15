"""What a request budget offers, whatever it is kept in.

The client and its callers depend on this module alone, so that another store (PostgreSQL, for
several machines) can take SQLite's place. No rule and no storage belongs here.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from types import TracebackType
from typing import Protocol, Self

__all__ = [
    "ACCOUNT_BUCKET",
    "BudgetSnapshot",
    "Grant",
    "Lease",
    "Minute",
    "Outcome",
    "OwnLimit",
    "Priority",
    "RequestBudget",
    "Signal",
]

ACCOUNT_BUCKET = "account"


class Priority(IntEnum):
    """Who goes first: data of today and yesterday, then history."""

    TODAY = 0
    BACKFILL = 1


class Outcome(StrEnum):
    """What became of a granted request, as far as the budget cares."""

    ANSWERED = "answered"
    """The API answered as an API does, be it with a refusal."""
    FAILED = "failed"
    """5xx, nonsense, or no answer although the request may have arrived."""
    RATE_LIMITED = "rate_limited"
    """429."""
    UNREACHED = "unreached"
    """Never left this machine (no connection): it costs no slot."""


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """A limit that an endpoint has for itself: `requests` in `window_s` seconds."""

    requests: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Signal:
    """What an answer, or its absence, tells the budget.

    Attributes:
        outcome: What became of the request.
        limit: `X-RateLimit-Limit`, None when absent.
        remaining: `X-RateLimit-Remaining`, None when absent.
        retry_after_s: `Retry-After` of a 429 in seconds, None when absent.
    """

    outcome: Outcome
    limit: int | None = None
    remaining: int | None = None
    retry_after_s: float | None = None


class Grant(Protocol):
    """Leave to send one request now.

    Attributes:
        probe: The host is down and this request finds out whether it is back.
        waited_s: Seconds spent waiting for the grant.
    """

    probe: bool
    waited_s: float

    def settle(self, signal: Signal) -> None:
        """Say what became of the request, right after the answer or time-out; once."""


class Lease(Protocol):
    """The exclusive right to work on something, kept up while this process lives."""

    key: str

    @property
    def lost(self) -> bool:
        """Whether it ran out and somebody else may hold it now."""

    def release(self) -> None:
        """Give it back; doing so twice is harmless."""

    def __enter__(self) -> Self:
        """Hold the lease for the length of a `with` block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the lease."""


@dataclass(frozen=True, slots=True)
class Minute:
    """Requests in one minute of the wall clock (UTC), as far as the answers showed them."""

    start: datetime
    sent: int
    failed: int
    rate_limited: int
    others: int


@dataclass(frozen=True, slots=True)
class BudgetSnapshot:
    """The account's budget at one moment; counts are requests in the present window.

    Attributes:
        limit: Requests that a window allows.
        window_s: Length of the window, in seconds.
        reserve: Requests left to others by setting.
        used_by_us: Requests sent whose slots have not come back.
        used_by_others: Requests that others were seen to spend in the present window.
        others_expected: Requests a window that are left to others because they took them lately.
        in_flight: Requests of ours without an answer yet.
        waiting: Threads of all processes that wait for a grant, by priority.
        window_resets_in_s: Seconds until the window has surely ended; None when none is open.
        paused_for_s: Seconds that everybody still waits after a 429; 0 when not paused.
        host_down_for_s: Seconds since the circuit breaker opened; None while it is closed.
        next_probe_in_s: Seconds until a down host is tried again; None while it is up.
        history: The last minutes with any request, oldest first.
    """

    limit: int
    window_s: float
    reserve: int
    used_by_us: int
    used_by_others: int
    others_expected: int
    in_flight: int
    waiting: dict[Priority, int]
    window_resets_in_s: float | None
    paused_for_s: float
    host_down_for_s: float | None
    next_probe_in_s: float | None
    history: Sequence[Minute] = field(default=())

    @property
    def available(self) -> int:
        """Requests that are left in the present window, without the reserve."""
        return max(0, self.limit - self.reserve - self.used_by_us - self.used_by_others)

    def seconds_for(self, requests: int) -> float:
        """Roughly how long `requests` more take, in seconds, if nothing slower holds them up."""
        start = max(self.paused_for_s, self.next_probe_in_s or 0.0)
        rest = requests - (0 if self.paused_for_s else self.available)
        if rest <= 0:
            return start
        each = max(1, self.limit - self.reserve - self.others_expected)
        return start + (self.window_resets_in_s or 0.0) + (rest - 1) // each * self.window_s


class RequestBudget(Protocol):
    """One account's requests, shared by every thread and process that spends them."""

    def grant(
        self,
        *,
        bucket: str = ACCOUNT_BUCKET,
        own: OwnLimit | None = None,
        priority: Priority = Priority.BACKFILL,
        cancelled: threading.Event | None = None,
        patience_s: float | None = None,
    ) -> Grant:
        """Wait until one request may be sent.

        Args:
            bucket: Which limit it is counted on; an endpoint's name where it has its own.
            own: The endpoint's own limit, needed with such a bucket.
            priority: Who goes first.
            cancelled: Ends the waiting promptly when set.
            patience_s: Longest wait for a host that is down, in seconds; None waits on.

        Raises:
            CancelledError: If `cancelled` was set.
            HostDownError: If the host has been down for longer than `patience_s`.
            BudgetStoreError: If the store cannot be used.
        """

    def lease(self, key: str, ttl_s: float = 60.0) -> Lease | None:
        """Take the lease on `key`, or None if somebody else holds it.

        It is renewed while it is held and this process lives; of a dead process it is free at
        once where that can be seen, and after `ttl_s` seconds otherwise.

        Raises:
            BudgetStoreError: If the store cannot be used.
        """

    def snapshot(self) -> BudgetSnapshot:
        """The budget as it stands.

        Raises:
            BudgetStoreError: If the store cannot be used.
        """

    def close(self) -> None:
        """Give back what this process holds and stop its background work."""
