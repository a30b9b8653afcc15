"""The interface of a request budget, whatever it is stored in.

The client and its callers depend on this module alone, so that another store (PostgreSQL, for
several machines) can replace SQLite. No rule and no storage belongs here.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
    "OwnLimit",
    "Priority",
    "RequestBudget",
    "RequestOutcome",
    "Signal",
]

ACCOUNT_BUCKET = "account"


class Priority(IntEnum):
    """Which requests go first: data of today and yesterday, then history, then the rest."""

    TODAY = 0
    BACKFILL = 1
    LOW = 2


class RequestOutcome(StrEnum):
    """How a granted request ended, as far as the budget is concerned."""

    ANSWERED = "answered"
    """The API responded, even if with a refusal."""
    FAILED = "failed"
    """5xx, an invalid response, or none although the request may have arrived."""
    DEVICE_FAILED = "device_failed"
    """As `FAILED`, but passed on to a device: it does not show whether the host is up."""
    RATE_LIMITED = "rate_limited"
    """429."""
    UNREACHED = "unreached"
    """Never left this machine (no connection): it uses no slot."""
    UNSENT = "unsent"
    """Not tried, as the grant was stale: it uses no slot and shows nothing about the host."""


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """A limit of one endpoint: `requests` in `window_s` seconds."""

    requests: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Signal:
    """Information for the budget from a response, or from its absence.

    Attributes:
        outcome: How the request ended.
        limit: `X-RateLimit-Limit`, None when absent.
        remaining: `X-RateLimit-Remaining`, None when absent.
        retry_after_s: `Retry-After` of a 429 in seconds, None when absent.
    """

    outcome: RequestOutcome
    limit: int | None = None
    remaining: int | None = None
    retry_after_s: float | None = None

    def of_device(self) -> Signal:
        """Return the signal of a request that was passed on to a device."""
        if self.outcome is not RequestOutcome.FAILED:
            return self
        return replace(self, outcome=RequestOutcome.DEVICE_FAILED)


class Grant(Protocol):
    """Permission to send one request now.

    Attributes:
        probe: Whether the host is down and this request probes whether it is back.
        waited_s: Seconds spent waiting for the grant, without those of an outage.
    """

    probe: bool
    waited_s: float

    def settle(self, signal: Signal) -> None:
        """Report how the request ended, right after the response or time-out; once."""


class Lease(Protocol):
    """The exclusive right to work on something, renewed while this process lives."""

    key: str

    @property
    def lost(self) -> bool:
        """Whether it expired and another process may hold it now."""

    def release(self) -> None:
        """Release it; doing so twice is harmless."""

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
    """Requests in one minute of the wall clock (UTC), as far as responses have shown them."""

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
        used_by_us: Requests of this machine whose slots are not free again.
        used_by_others: Observed requests of others in the present window.
        others_expected: Requests per window that are left to others because of their recent use.
        in_flight: Requests of this machine without a response yet.
        waiting: Threads of all processes that wait for a grant, by priority.
        window_resets_in_s: Seconds until the window has certainly ended; None if none is open.
        paused_for_s: Seconds that all requests wait after a 429 or a new file; 0 if not paused.
        host_down_for_s: Seconds since the circuit breaker opened; None while it is closed.
        next_probe_in_s: Seconds until a host that is down is probed again; None while it is up.
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
        """Requests left in the present window, without the reserve."""
        return max(0, self.limit - self.reserve - self.used_by_us - self.used_by_others)

    def seconds_for(self, requests: int) -> float:
        """Estimate how long `requests` more take, in seconds, if only the budget limits them."""
        start = max(self.paused_for_s, self.next_probe_in_s or 0.0)
        rest = requests - (0 if self.paused_for_s else self.available)
        if rest <= 0:
            return start
        each = max(1, self.limit - self.reserve - self.others_expected)
        # Where no window is open, the next request opens one.
        resets_s = self.window_s if self.window_resets_in_s is None else self.window_resets_in_s
        return start + resets_s + (rest - 1) // each * self.window_s


class RequestBudget(Protocol):
    """One account's requests, shared by every thread and process that uses them."""

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
            bucket: Which limit it counts towards; an endpoint's name if it has its own.
            own: The endpoint's own limit, required with such a bucket.
            priority: Which requests go first.
            cancelled: Ends the wait promptly when set.
            patience_s: Longest wait for a host that is down, in seconds; None waits forever.

        Raises:
            CancelledError: If `cancelled` was set.
            HostDownError: If the host has been down for longer than `patience_s`.
            BudgetStoreError: If the budget's file cannot be used.
        """

    def lease(self, key: str, ttl_s: float = 60.0) -> Lease | None:
        """Take the lease on `key`; return None if another holder has it.

        It is renewed while it is held and this process lives. The lease of a dead process is free
        at once if its death can be detected, and after `ttl_s` seconds otherwise.

        Raises:
            BudgetStoreError: If the budget's file cannot be used.
        """

    def snapshot(self) -> BudgetSnapshot:
        """Return the budget as it is now.

        Raises:
            BudgetStoreError: If the budget's file cannot be used.
        """

    def close(self) -> None:
        """Release what this process holds and stop its background work."""
