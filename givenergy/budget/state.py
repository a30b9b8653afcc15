"""The shared state of one account's budget: plain data, small, written as JSON.

No rule belongs here. Times are milliseconds of `clock.now_ms`. Answered requests are kept in
groups of nearly the same time, so that the state stays some kilobytes whatever the limit.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "AccountState",
    "Breaker",
    "BucketState",
    "Done",
    "Flight",
    "MinuteCount",
    "Seen",
    "Told",
    "Waiter",
    "Window",
    "unite",
]


class Flight(msgspec.Struct, array_like=True):
    """A granted request without an answer yet."""

    id: int
    holder: str
    sent_ms: int


class Done(msgspec.Struct, array_like=True):
    """Requests that ended at nearly the same time and still occupy slots.

    `used` is the least use of the server's window that their answers reported, -1 for requests
    whose answers told nothing.
    """

    first_ms: int
    last_ms: int
    sent_ms: int
    count: int
    used: int


class Seen(msgspec.Struct, array_like=True):
    """The answer that reported the highest use of the present window."""

    used: int
    sent_ms: int
    ended_ms: int


class Window(msgspec.Struct, array_like=True):
    """The server's present window, as far as it can be told from here.

    `opened_ms` is an estimate; `first_end_ms` is when the first answer out of it arrived (0 before
    that): one window length later it has surely ended. Requests numbered below `first_id` were
    sent before the window was known: their answers may speak of the one before. `ours` and
    `others` have been counted in it, `peak` is the most that were in flight at once.
    """

    opened_ms: int
    first_id: int
    first_end_ms: int = 0
    ours: int = 0
    others: int = 0
    peak: int = 0


class Waiter(msgspec.Struct, array_like=True):
    """A thread that waits for a grant, and when it last asked."""

    priority: int
    asked_ms: int


class BucketState(msgspec.Struct):
    """One limit: the account's, or an endpoint's own."""

    limit: int
    flights: list[Flight] = []
    done: list[Done] = []
    seen: Seen | None = None
    window: Window | None = None
    others_recent: list[int] = []
    answer_ms: int = 0
    probing: bool = False
    paused_ms: int = 0
    pause_until_ms: int = 0
    refusals: int = 0
    waiting: dict[str, Waiter] = {}


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


class Told(msgspec.Struct, array_like=True):
    """How much of another state has been united with this one: up to which id, seen when.

    `changes` is how often the state had been changed by then.
    """

    last_id: int
    seen_ms: int
    changes: int = 0


class AccountState(msgspec.Struct):
    """All that processes share about one account."""

    boot: str
    buckets: dict[str, BucketState] = {}
    breaker: Breaker = msgspec.field(default_factory=Breaker)
    hold_until_ms: int = 0
    reaped_ms: int = 0
    minute: MinuteCount = msgspec.field(default_factory=MinuteCount)
    last_id: int = 0
    told: dict[str, Told] = {}
    changes: int = 0

    def bucket(self, name: str, limit: int) -> BucketState:
        """The bucket of that name, made with `limit` if there is none yet."""
        found = self.buckets.get(name)
        if found is None:
            found = self.buckets[name] = BucketState(limit)
        return found

    def restart(self, boot: str, now_ms: int) -> None:
        """Carry the state over a reboot: every process is gone, and the clock began anew.

        What was spent before is taken as spent just now, as nothing tells how long ago it was.
        """
        self.boot = boot
        self.reaped_ms = self.hold_until_ms = 0
        self.last_id = max(self.last_id, now_ms * 1000)
        self.breaker.failures = self.breaker.opened_ms = self.breaker.probe_id = 0
        for bucket in self.buckets.values():
            count = len(bucket.flights) + sum(group.count for group in bucket.done)
            bucket.flights = []
            bucket.done = [Done(now_ms, now_ms, now_ms, count, -1)] if count else []
            bucket.seen = bucket.window = None
            bucket.paused_ms = bucket.pause_until_ms = 0
            bucket.waiting = {}


def unite(state: AccountState, former: AccountState, former_id: str, seen_ms: int) -> None:
    """Add to `state` what somebody saw, at `seen_ms`, in the former state named `former_id`.

    Several processes may tell of the same former state, each of another moment: what was told
    before is not added again, and a later view corrects which requests were still under way.
    """
    told = state.told.get(former_id)
    # Not by the time of looking: who looked a moment later may have seen less.
    if told is not None and told.changes >= former.changes:
        return
    known_id, known_ms = (told.last_id, told.seen_ms) if told else (0, -1)
    state.told[former_id] = Told(former.last_id, seen_ms, former.changes)
    state.last_id = max(state.last_id, former.last_id)
    if not state.breaker.ever_answered:
        state.breaker = former.breaker
    for name, old in former.buckets.items():
        bucket = state.bucket(name, old.limit)
        fresh = not (bucket.flights or bucket.done)
        under_way = {flight.id for flight in old.flights}
        bucket.flights = [
            f for f in bucket.flights if f.id > former.last_id or f.id in under_way
        ] + [f for f in old.flights if f.id > known_id]
        new = [group for group in old.done if group.last_ms > known_ms]
        bucket.done = sorted([*bucket.done, *new], key=lambda group: group.last_ms)
        if fresh:
            # The window that was open goes on as it was.
            bucket.window, bucket.seen = old.window, old.seen
        bucket.limit = old.limit
        bucket.answer_ms = bucket.answer_ms or old.answer_ms
        bucket.others_recent = bucket.others_recent or old.others_recent
        bucket.paused_ms = max(bucket.paused_ms, old.paused_ms)
        bucket.pause_until_ms = max(bucket.pause_until_ms, old.pause_until_ms)
        bucket.refusals = max(bucket.refusals, old.refusals)
        bucket.probing = True
