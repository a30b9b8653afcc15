"""The budget as people want to see it, computed from the shared state.

The given state is a copy: it is changed here, but not stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from givenergy.budget import rate_window, rules
from givenergy.budget.dead_requests import WAITER_GONE_MS
from givenergy.budget.request_budget import ACCOUNT_BUCKET, BudgetSnapshot, Minute, Priority
from givenergy.budget.rules import Policy
from givenergy.budget.state import AccountState

__all__ = ["take_snapshot"]


def take_snapshot(
    state: AccountState, policy: Policy, reserve: int, history: Sequence[Minute], now: int
) -> BudgetSnapshot:
    """Return the account's budget and circuit breaker as they are at the time `now`."""
    bucket = state.bucket(ACCOUNT_BUCKET, policy.limit)
    rules.expire_slots(bucket, policy, now)
    window = bucket.window
    resets_ms = None
    if window is not None:
        began_ms = window.first_end_ms or window.opened_ms
        resets_ms = max(0, began_ms + policy.window_ms + policy.margin_ms - now)
    waiters = [
        waiter
        for each in state.buckets.values()
        for waiter in each.waiting.values()
        if waiter.asked_ms > now - WAITER_GONE_MS
    ]
    down_ms = state.breaker.opened_ms
    return BudgetSnapshot(
        limit=bucket.limit,
        window_s=policy.window_ms / 1000,
        reserve=reserve,
        used_by_us=bucket.occupied,
        used_by_others=window.others if window else 0,
        others_expected=rate_window.expected_others(bucket),
        in_flight=sum(len(each.in_flight) for each in state.buckets.values()),
        waiting={p: sum(waiter.priority == p for waiter in waiters) for p in Priority},
        window_resets_in_s=None if resets_ms is None else resets_ms / 1000,
        paused_for_s=max(0, bucket.pause_until_ms - now, state.hold_until_ms - now) / 1000,
        host_down_for_s=(now - down_ms) / 1000 if down_ms else None,
        next_probe_in_s=max(0, state.breaker.probe_at_ms - now) / 1000 if down_ms else None,
        history=history,
    )
