"""End the requests of processes that died, so that their slots become free again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from givenergy.budget import rules
from givenergy.budget.request_budget import RequestOutcome, Signal
from givenergy.budget.rules import Policy
from givenergy.budget.state import AccountState

__all__ = ["WAITER_GONE_MS", "end_dead_requests"]

# A waiting thread asks at least once a second; one that has not for this long is gone.
WAITER_GONE_MS = 5_000
# A request of a process that cannot be checked counts as ended after this.
_LONGEST_REQUEST_MS = 15 * 60_000
_CHECK_EVERY_MS = 200


def end_dead_requests(
    state: AccountState,
    policies: Mapping[str, Policy],
    now_ms: int,
    own_process: str,
    is_alive: Callable[[str], bool | None],
) -> bool:
    """End the requests of dead processes; return whether there were any."""
    if now_ms - state.reaped_ms < _CHECK_EVERY_MS:
        return False
    state.reaped_ms = now_ms
    alive: dict[str, bool | None] = {own_process: True}
    ended = False
    for name, bucket in state.buckets.items():
        policy = policies.get(name) or Policy(limit=bucket.limit)
        for request in list(bucket.in_flight):
            if request.holder not in alive:
                alive[request.holder] = is_alive(request.holder)
            stale = now_ms - request.sent_ms > _LONGEST_REQUEST_MS
            if alive[request.holder] is False or stale:
                # It may have reached the server until now: its slot is free a window later.
                rules.settle(bucket, policy, request, now_ms, Signal(RequestOutcome.FAILED))
                ended = True
                if state.breaker.probe_id == request.id:
                    state.breaker.probe_id = 0
        bucket.waiting = {
            thread: waiter
            for thread, waiter in bucket.waiting.items()
            if waiter.asked_ms > now_ms - WAITER_GONE_MS
        }
    return ended
