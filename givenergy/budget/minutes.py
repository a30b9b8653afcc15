"""Requests by minute of the wall clock: the picture of how the budget was spent.

For people only: no decision rests on it, as the wall clock may jump. The present minute is counted
in the account's state, finished ones stand in a table for a week.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime

from givenergy.budget.interface import Minute, Outcome
from givenergy.budget.state import AccountState, MinuteCount

__all__ = ["count", "read_minutes"]

_KEPT = 7 * 24 * 60
_SHOWN = 24 * 60


def count(
    state: AccountState,
    connection: sqlite3.Connection,
    account: str,
    outcome: Outcome,
    *,
    others: int,
) -> None:
    """Count one request that ended now, and `others` that it showed somebody else to have made."""
    minute = int(time.time() // 60)
    if state.minute.minute != minute:
        _write(connection, account, state.minute)
        state.minute = MinuteCount(minute)
    present = state.minute
    present.others += others
    if outcome is not Outcome.UNREACHED:
        present.sent += 1
    if outcome is Outcome.RATE_LIMITED:
        present.rate_limited += 1
    elif outcome is not Outcome.ANSWERED:
        present.failed += 1


def read_minutes(
    connection: sqlite3.Connection, account: str, present: MinuteCount
) -> tuple[Minute, ...]:
    """The minutes with any request of the day up to the present one, oldest first."""
    rows = connection.execute(
        "SELECT minute, sent, failed, rate_limited, others FROM minutes "
        "WHERE account = ? AND minute > ?",
        (account, present.minute - _SHOWN),
    ).fetchall()
    totals: dict[int, list[int]] = {minute: list(counts) for minute, *counts in rows}
    if present.minute:
        # A clock set back can bring a minute round again.
        former = totals.get(present.minute, [0, 0, 0, 0])
        now = (present.sent, present.failed, present.rate_limited, present.others)
        totals[present.minute] = [a + b for a, b in zip(former, now, strict=True)]
    return tuple(
        Minute(datetime.fromtimestamp(minute * 60, UTC), *counts)
        for minute, counts in sorted(totals.items())
    )


def _write(connection: sqlite3.Connection, account: str, done: MinuteCount) -> None:
    if not done.minute:
        return
    connection.execute(
        "INSERT INTO minutes VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "sent = sent + excluded.sent, failed = failed + excluded.failed, "
        "rate_limited = rate_limited + excluded.rate_limited, others = others + excluded.others",
        (account, done.minute, done.sent, done.failed, done.rate_limited, done.others),
    )
    connection.execute(
        "DELETE FROM minutes WHERE account = ? AND minute < ?", (account, done.minute - _KEPT)
    )
