"""Leases: who works on what, so that nothing is fetched twice at the same time.

They belong to the budget because they share its file, its clock and its check for dead processes.
What a key means (device, day, dataset) is decided by the caller.
"""

from __future__ import annotations

import sqlite3
import time
from types import TracebackType
from typing import Self

from givenergy.budget.clock import now_ms
from givenergy.budget.process_identity import is_alive
from givenergy.budget.state import AccountState
from givenergy.budget.state_store import StateStore

__all__ = ["SqliteLease", "take_lease"]


class SqliteLease:
    """An exclusive right, renewed by the budget's heartbeat; see `request_budget.Lease`."""

    def __init__(
        self, store: StateStore, account: str, key: str, *, holder: str, id_: int, ttl_ms: int
    ) -> None:
        self.key = key
        self._store = store
        self._account = account
        self._holder = holder
        self._id = id_
        self._stored_in = store.store_id
        self._ttl_ms = ttl_ms
        self._expires_ms = now_ms() + ttl_ms
        self._released = False

    @property
    def lost(self) -> bool:
        """Whether it expired and another process may hold it now."""
        return now_ms() >= self._expires_ms

    def release(self) -> None:
        """Release it; doing so twice is harmless."""
        if self._released:
            return
        self._released = True
        self._store.transact(
            self._account,
            lambda _, connection: connection.execute(
                "DELETE FROM leases WHERE account = ? AND key = ? AND id = ?",
                (self._account, self.key, self._id),
            ),
        )

    def renew(self) -> None:
        """Postpone the expiry once a third of the time has passed or the file is a new one."""
        now = now_ms()
        due = self._expires_ms - now <= self._ttl_ms * 2 // 3
        if self._released or not (due or self._stored_in != self._store.store_id):
            return

        def store(_: AccountState, connection: sqlite3.Connection) -> int:
            return connection.execute(
                "INSERT INTO leases VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
                "SET expires_ms = excluded.expires_ms WHERE id = excluded.id",
                (self._account, self.key, self._holder, self._id, now + self._ttl_ms),
            ).rowcount

        if self._store.transact(self._account, store):
            self._expires_ms = now + self._ttl_ms
        self._stored_in = self._store.store_id

    def __enter__(self) -> Self:
        """Hold the lease for the length of a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the lease."""
        self.release()


def take_lease(
    store: StateStore, account: str, key: str, *, holder: str, ttl_ms: int
) -> SqliteLease | None:
    """Take the lease on `key`; return None if a living process holds it and it has not expired.

    Raises:
        BudgetStoreError: If the store cannot be used.
    """

    def take(state: AccountState, connection: sqlite3.Connection) -> int | None:
        now = now_ms()
        if now < store.noticed_at_ms:
            # A new file: processes with a lease in a deleted one may not have renewed it yet.
            return now - store.noticed_at_ms
        row = connection.execute(
            "SELECT holder, id, expires_ms FROM leases WHERE account = ? AND key = ?",
            (account, key),
        ).fetchone()
        if row is not None:
            held_by, held_id, expires_ms = row
            # After a reboot the clock starts again: an expiry later than any lease is an old one.
            current = held_id <= state.last_id and now < expires_ms <= now + 24 * 3_600_000
            if current and is_alive(held_by) is not False:
                return None
        state.last_id += 1
        connection.execute(
            "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?)",
            (account, key, holder, state.last_id, now + ttl_ms),
        )
        return state.last_id

    while (id_ := store.transact(account, take)) is not None and id_ < 0:
        time.sleep(-id_ / 1000)
    if id_ is None:
        return None
    return SqliteLease(store, account, key, holder=holder, id_=id_, ttl_ms=ttl_ms)
