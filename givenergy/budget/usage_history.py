"""Requests by minute of the wall clock: how the budget was used.

For people only: no decision depends on it, as the wall clock may jump. The present minute is
counted in the account's state, past minutes are kept in a table for a week.
"""

from __future__ import annotations

from datetime import UTC, datetime

from givenergy.budget.budget_store import Transaction
from givenergy.budget.request_budget import Minute, RequestOutcome
from givenergy.budget.state import AccountState, MinuteCount

__all__ = ["count_request", "read_minutes"]

_KEPT = 7 * 24 * 60
_SHOWN = 24 * 60


def count_request(
    state: AccountState,
    transaction: Transaction,
    account: str,
    outcome: RequestOutcome,
    *,
    others: int,
) -> None:
    """Count one request that ended now, and `others`, the use by others that it has revealed."""
    minute = int(transaction.wall_clock_s() // 60)
    if state.minute.minute != minute:
        past = state.minute
        if past.minute:
            transaction.add_minute(account, past, oldest=past.minute - _KEPT)
        state.minute = MinuteCount(minute)
    present = state.minute
    present.others += others
    if outcome is RequestOutcome.UNSENT:
        return
    if outcome is not RequestOutcome.UNREACHED:
        present.sent += 1
    if outcome is RequestOutcome.RATE_LIMITED:
        present.rate_limited += 1
    elif outcome is not RequestOutcome.ANSWERED:
        present.failed += 1


def read_minutes(
    transaction: Transaction, account: str, present: MinuteCount
) -> tuple[Minute, ...]:
    """Return the minutes of the last day with at least one request, oldest first."""
    rows = transaction.minutes(account, present.minute - _SHOWN)
    totals: dict[int, list[int]] = {minute: list(counts) for minute, *counts in rows}
    if present.minute:
        # A clock that was set back can reach a minute for the second time.
        earlier = totals.get(present.minute, [0, 0, 0, 0])
        now = (present.sent, present.failed, present.rate_limited, present.others)
        totals[present.minute] = [a + b for a, b in zip(earlier, now, strict=True)]
    return tuple(
        Minute(datetime.fromtimestamp(minute * 60, UTC), *counts)
        for minute, counts in sorted(totals.items())
    )
