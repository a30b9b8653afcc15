"""The budget as a person wants to see it, out of the shared state.

Reads only; the state it is given may be changed, as it is nobody else's.
"""

from __future__ import annotations

from collections.abc import Sequence

from givenergy.budget import rules
from givenergy.budget.clock import now_ms
from givenergy.budget.interface import ACCOUNT_BUCKET, BudgetSnapshot, Minute, Priority
from givenergy.budget.rules import Policy
from givenergy.budget.state import AccountState

__all__ = ["picture"]

# A waiting thread asks at least once a second; one silent for longer is gone.
_WAITER_GONE_MS = 5_000


def picture(
    state: AccountState, policy: Policy, reserve: int, history: Sequence[Minute]
) -> BudgetSnapshot:
    """The account's bucket and breaker at this moment."""
    now = now_ms()
    bucket = state.bucket(ACCOUNT_BUCKET, policy.limit)
    rules.advance(bucket, policy, now)
    window = bucket.window
    resets_ms = None
    if window is not None:
        begun_ms = window.first_end_ms or window.opened_ms
        resets_ms = max(0, begun_ms + policy.window_ms + policy.margin_ms - now)
    waiters = [
        waiter
        for any_bucket in state.buckets.values()
        for waiter in any_bucket.waiting.values()
        if waiter.asked_ms > now - _WAITER_GONE_MS
    ]
    down_ms = state.breaker.opened_ms
    return BudgetSnapshot(
        limit=bucket.limit,
        window_s=policy.window_ms / 1000,
        reserve=reserve,
        used_by_us=len(bucket.flights) + sum(group.count for group in bucket.done),
        used_by_others=window.others if window else 0,
        others_expected=rules.expected_others(bucket),
        in_flight=sum(len(any_bucket.flights) for any_bucket in state.buckets.values()),
        waiting={p: sum(waiter.priority == p for waiter in waiters) for p in Priority},
        window_resets_in_s=None if resets_ms is None else resets_ms / 1000,
        paused_for_s=max(0, bucket.pause_until_ms - now) / 1000,
        host_down_for_s=(now - down_ms) / 1000 if down_ms else None,
        next_probe_in_s=max(0, state.breaker.probe_at_ms - now) / 1000 if down_ms else None,
        history=history,
    )
