"""The shared state of one account's budget: plain data, small, stored as JSON.

No rule belongs here. Times are milliseconds of the store's clock. Completed requests are kept in
groups of nearly the same time, so that the state stays within some kilobytes whatever the limit.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "AccountState",
    "Breaker",
    "BucketState",
    "Completed",
    "InFlight",
    "LastReported",
    "MinuteCount",
    "RateWindow",
    "Waiter",
]


class InFlight(msgspec.Struct, array_like=True):
    """A granted request without a response yet."""

    id: int
    holder: str
    sent_ms: int


class Completed(msgspec.Struct, array_like=True):
    """Requests that ended at nearly the same time and still occupy slots.

    `used` is the lowest use of the server's window that their responses reported, -1 for requests
    whose responses reported none.
    """

    first_ms: int
    last_ms: int
    sent_ms: int
    count: int
    used: int


class LastReported(msgspec.Struct, array_like=True):
    """The response that reported the highest use of the present window."""

    used: int
    sent_ms: int
    ended_ms: int


class RateWindow(msgspec.Struct, array_like=True):
    """The server's present rate-limit window, as far as the client can tell.

    `opened_ms` is an estimate; `first_end_ms` is when the first response of the window arrived (0
    before that): one window length later the window has certainly ended. Requests numbered below
    `first_id` were sent before the window was known: their responses may belong to the previous
    one. `ours` and `others` are the requests counted in it, `peak` is the highest number in flight
    at once.
    """

    opened_ms: int
    first_id: int
    first_end_ms: int = 0
    ours: int = 0
    others: int = 0
    peak: int = 0


class Waiter(msgspec.Struct, array_like=True):
    """A thread that waits for a grant, and when it last requested one."""

    priority: int
    asked_ms: int


class BucketState(
    msgspec.Struct,
    # The names in files of earlier versions, which stay readable.
    rename={"in_flight": "flights", "completed": "done", "last_reported": "seen"},
):
    """One limit: the account's, or an endpoint's own."""

    limit: int
    in_flight: list[InFlight] = []
    completed: list[Completed] = []
    last_reported: LastReported | None = None
    window: RateWindow | None = None
    others_recent: list[int] = []
    answer_ms: int = 0
    probing: bool = False
    paused_ms: int = 0
    pause_until_ms: int = 0
    refusals: int = 0
    waiting: dict[str, Waiter] = {}

    @property
    def occupied(self) -> int:
        """Slots of the requests of all who share the store that are not free again."""
        return len(self.in_flight) + sum(group.count for group in self.completed)


class Breaker(msgspec.Struct):
    """The circuit breaker: closed while `opened_ms` is 0."""

    failures: int = 0
    opened_ms: int = 0
    backoff_ms: int = 0
    probe_at_ms: int = 0
    probe_id: int = 0
    ever_answered: bool = False


class MinuteCount(msgspec.Struct, array_like=True):
    """Counts of one minute of the wall clock, numbered from the epoch."""

    minute: int = 0
    sent: int = 0
    failed: int = 0
    rate_limited: int = 0
    others: int = 0


class AccountState(msgspec.Struct):
    """Everything that processes share about one account."""

    boot: str
    buckets: dict[str, BucketState] = {}
    breaker: Breaker = msgspec.field(default_factory=Breaker)
    hold_until_ms: int = 0
    reaped_ms: int = 0
    minute: MinuteCount = msgspec.field(default_factory=MinuteCount)
    last_id: int = 0

    def bucket(self, name: str, limit: int) -> BucketState:
        """Return the bucket of that name, created with `limit` if there is none yet."""
        if name not in self.buckets:
            self.buckets[name] = BucketState(limit)
        return self.buckets[name]

    def restart(self, boot: str, now_ms: int) -> None:
        """Carry the state over a reboot: every process is gone, and the clock started again.

        Requests sent before count as sent just now, as nothing shows how long ago they were sent.
        """
        self.boot = boot
        self.reaped_ms = self.hold_until_ms = 0
        self.last_id = max(self.last_id, now_ms * 1000)
        self.breaker.failures = self.breaker.opened_ms = self.breaker.probe_id = 0
        for bucket in self.buckets.values():
            count = bucket.occupied
            bucket.in_flight = []
            bucket.completed = [_completed_now(now_ms, count)] if count else []
            bucket.last_reported = bucket.window = None
            bucket.paused_ms = bucket.pause_until_ms = 0
            bucket.waiting = {}

    def move_completed(self, target: AccountState, now_ms: int) -> None:
        """Move the completed requests to another account, where they count as completed now."""
        for name, bucket in self.buckets.items():
            count = sum(group.count for group in bucket.completed)
            if count:
                target.bucket(name, bucket.limit).completed.append(_completed_now(now_ms, count))
                bucket.completed = []


def _completed_now(now_ms: int, count: int) -> Completed:
    return Completed(now_ms, now_ms, now_ms, count, -1)
