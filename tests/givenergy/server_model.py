"""The server's fixed window and its clients in invented time, to test the budget's rules against.

It imports the rules and nothing else of the budget: no file, no thread, no clock.
"""

import heapq
import random
from collections import defaultdict
from dataclasses import dataclass, field

from givenergy.budget import rules
from givenergy.budget.request_budget import Priority, RequestOutcome, Signal
from givenergy.budget.rules import Policy
from givenergy.budget.state import BucketState, Waiter


@dataclass
class FixedWindow:
    """What the contract says: it starts with the first request and lasts `length_ms`."""

    limit: int
    length_ms: int
    started: list[int] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    ours: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    refused: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def arrive(self, now: int, who: str) -> tuple[bool, int]:
        """Count a request; whether it is within the limit, and what remains."""
        if not self.started or now >= self.started[-1] + self.length_ms:
            self.started.append(now)
        window = len(self.started) - 1
        if self.counts[window] >= self.limit:
            self.refused[who, window] += 1
            return False, 0
        self.counts[window] += 1
        self.ours[window] += who == "ours"
        return True, self.limit - self.counts[window]

    def refusals(self, who: str, from_window: int = 0) -> int:
        return sum(n for (w, i), n in self.refused.items() if w == who and i >= from_window)


@dataclass
class World:
    """Threads that spend as fast as the rules allow, with delays, faults, deaths and neighbours.

    Attributes:
        delay_ms: Longest way there, and longest way back (drawn evenly from 0).
        headers: Whether answers carry the rate-limit headers.
        lost: Share of requests whose answer never comes (a time-out `timeout_ms` later).
        dying: Share of requests whose process is killed, found out up to 2 s later.
        neighbour: Requests a window that a neighbour spreads evenly (its own threads apart).
        neighbour_bursts: Whether the neighbour sends them all at once instead.
    """

    seed: int
    threads: int = 8
    requests: int = 1000
    limit: int = 300
    window_ms: int = 60_000
    delay_ms: int = 50
    headers: bool = True
    lost: float = 0.0
    dying: float = 0.0
    timeout_ms: int = 5_000
    neighbour: int = 0
    neighbour_bursts: bool = False
    reserve: int = 0
    today_at_ms: int | None = None
    today_requests: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.server = FixedWindow(self.limit, self.window_ms)
        self.policy = Policy(limit=self.limit, window_ms=self.window_ms)
        self.bucket = BucketState(self.limit)
        self.events: list[tuple[int, int, object]] = []
        self.order = self.last_id = 0
        self.left = self.requests
        self.sent: list[int] = []
        self.today_waits: list[int] = []
        self.today_asked: dict[int, int] = {}

    def at(self, when: int, action: object) -> None:
        self.order += 1
        heapq.heappush(self.events, (when, self.order, action))

    def run(self, until_ms: int = 3_600_000) -> FixedWindow:
        """Until everything is sent and settled, or the time is over."""
        start = 1_000_000
        for thread in range(self.threads):
            self.at(start + thread, ("ask", thread, Priority.BACKFILL))
        if self.neighbour:
            self.at(start + self.random.randrange(self.window_ms), ("neighbour",))
        for i in range(self.today_requests):
            assert self.today_at_ms is not None
            self.at(start + self.today_at_ms, ("ask", 1000 + i, Priority.TODAY))
            self.today_asked[1000 + i] = start + self.today_at_ms
        self.end = start + until_ms
        while self.events and (self.left > 0 or self.bucket.in_flight):
            now, _, (name, *args) = heapq.heappop(self.events)
            if now > self.end:
                break
            getattr(self, f"_{name}")(now, *args)
        return self.server

    def _ask(self, now: int, thread: int, priority: Priority) -> None:
        if self.left <= 0 and priority is Priority.BACKFILL:
            return
        rules.expire_slots(self.bucket, self.policy, now)
        wait = rules.admit(self.bucket, self.policy, now, priority=priority, reserve=self.reserve)
        if wait:
            self.bucket.waiting[str(thread)] = Waiter(priority, now)
            self.at(now + wait, ("ask", thread, priority))
            return
        self.bucket.waiting.pop(str(thread), None)
        self.last_id += 1
        request = rules.open_request(self.bucket, now, id_=self.last_id, holder="")
        if priority is Priority.TODAY:
            self.today_waits.append(now - self.today_asked[thread])
        self.sent.append(now)
        self.left -= 1
        self.at(now + self.random.randint(0, self.delay_ms), ("arrive", thread, priority, request))

    def _arrive(self, now: int, thread: int, priority: Priority, request: object) -> None:
        allowed, remaining = self.server.arrive(now, "ours")
        chance = self.random.random()
        signal = Signal(RequestOutcome.FAILED)
        back = self.timeout_ms
        if chance < self.dying:
            back = self.random.randint(0, 2_000)
        elif chance >= self.dying + self.lost:
            back = self.random.randint(0, self.delay_ms)
            outcome = RequestOutcome.ANSWERED if allowed else RequestOutcome.RATE_LIMITED
            limit = self.limit if self.headers else None
            signal = Signal(outcome, limit, remaining if self.headers else None)
        self.at(now + back, ("settle", thread, priority, request, signal))

    def _settle(
        self, now: int, thread: int, priority: Priority, request: object, signal: Signal
    ) -> None:
        rules.settle(self.bucket, self.policy, request, now, signal)
        if signal.outcome is RequestOutcome.RATE_LIMITED:
            self.left += 1
        if priority is Priority.BACKFILL:
            self.at(now, ("ask", thread, priority))

    def _neighbour(self, now: int) -> None:
        if self.neighbour_bursts:
            for _ in range(self.neighbour):
                self.server.arrive(now, "neighbour")
            self.at(now + self.window_ms, ("neighbour",))
        else:
            self.server.arrive(now, "neighbour")
            self.at(now + self.window_ms // self.neighbour, ("neighbour",))

    @property
    def ratio(self) -> float:
        """First to last request over the ideal: a window for each full one before the last."""
        ideal = (len(self.sent) - 1) // self.limit * self.window_ms
        return (self.sent[-1] - self.sent[0]) / ideal
