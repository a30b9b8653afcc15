"""What a transaction of a shared budget does in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from givenergy.budget import process_identity
from givenergy.budget.budget_store import Cursor, Transaction
from givenergy.budget.state import AccountState

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

__all__ = ["ALIVE_FOR_MS", "CLOCK", "LIFE", "PostgresTransaction", "say_alive"]

# How long a process counts as alive after it last said so.
ALIVE_FOR_MS = 15_000
# Later than the others by more than this, a sign of life is of a clock that was set back since.
_AHEAD_MS = 60_000
_FORGOTTEN_MS = 24 * 3_600_000

CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
# Another text after a start, a recovery (which resets the statistics) or another table. Changed by
# VACUUM FULL and by a reset of statistics too, which costs a window without requests.
LIFE = (
    "concat_ws('/', extract(epoch FROM pg_postmaster_start_time()), "
    "(SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter), "
    "pg_relation_filenode('accounts'))"
)

_T = TypeVar("_T")


class PostgresTransaction(Transaction):
    """What is stored beside an account's state, on an open connection."""

    def __init__(
        self,
        connection: Connection,
        now_ms: int,
        change_in: Callable[[Connection, str, Callable[[AccountState], Any]], Any],
    ) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._change_in = change_in
        self._living: frozenset[str] | None = None

    def execute(self, statement: str, values: Sequence[object] = ()) -> Cursor:
        """Run a statement."""
        cursor: Cursor = self._connection.cursor()
        cursor.execute(statement.replace("?", "%s"), tuple(values))  # type: ignore[attr-defined]
        return cursor

    def now_ms(self) -> int:
        """Return the server's time, read after the account was locked."""
        return self._now_ms

    def wall_clock_s(self) -> float:
        """Return the server's time of day: that of a machine may be weeks ahead."""
        return self._now_ms / 1000

    def is_alive(self, holder: str) -> bool | None:
        """Return whether a process has said lately that it lives, and is not seen to be dead."""
        if process_identity.is_surely_dead(holder):
            return False
        if self._living is None:
            rows = self.execute(
                "SELECT holder FROM holders WHERE seen_ms > ? AND seen_ms < ?",
                (self._now_ms - ALIVE_FOR_MS, self._now_ms + _AHEAD_MS),
            ).fetchall()
            self._living = frozenset(row[0] for row in rows)
        return holder in self._living

    def change(self, account: str, change: Callable[[AccountState], _T]) -> _T:
        """Change another account's state."""
        result: _T = self._change_in(self._connection, account, change)
        return result


def say_alive(connection: Connection, holder: str, *, is_first: bool) -> int:
    """Store that a process lives; return the server's time then.

    Args:
        connection: A connection outside a transaction.
        holder: The process.
        is_first: Whether to delete what processes of days before have said.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO holders VALUES (%s, {CLOCK}) ON CONFLICT (holder) DO UPDATE "
            "SET seen_ms = excluded.seen_ms RETURNING seen_ms",
            (holder,),
        )
        (seen_ms,) = cursor.fetchone()
        if is_first:
            cursor.execute("DELETE FROM holders WHERE seen_ms < %s", (seen_ms - _FORGOTTEN_MS,))
    return int(seen_ms)
