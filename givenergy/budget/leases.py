"""Leases: who works on what, so that nothing is fetched twice at the same time.

They live beside the budget because they share its file, its clock and its view of dead processes.
What a key means (device, day, dataset) is the caller's business.
"""

from __future__ import annotations

import sqlite3
import time
from types import TracebackType
from typing import Self

from givenergy.budget.clock import now_ms
from givenergy.budget.holders import alive
from givenergy.budget.state import AccountState
from givenergy.budget.store import StateStore

__all__ = ["SqliteLease", "take_lease"]


class SqliteLease:
    """An exclusive right, renewed by the budget's keeper; see `interface.Lease`."""

    def __init__(
        self, store: StateStore, account: str, key: str, *, holder: str, id_: int, ttl_ms: int
    ) -> None:
        self.key = key
        self._store = store
        self._account = account
        self._holder = holder
        self._id = id_
        self._stands_in = store.store_id
        self._ttl_ms = ttl_ms
        self._expires_ms = now_ms() + ttl_ms
        self._released = False

    @property
    def lost(self) -> bool:
        """Whether it ran out and somebody else may hold it now."""
        return now_ms() >= self._expires_ms

    def release(self) -> None:
        """Give it back; doing so twice is harmless."""
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

    def keep(self) -> None:
        """Push the expiry out once a third of the time is gone, or the store is another one."""
        now = now_ms()
        due = self._expires_ms - now <= self._ttl_ms * 2 // 3
        if self._released or not (due or self._stands_in != self._store.store_id):
            return

        def renew(_: AccountState, connection: sqlite3.Connection) -> int:
            return connection.execute(
                "INSERT INTO leases VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
                "SET expires_ms = excluded.expires_ms WHERE id = excluded.id",
                (self._account, self.key, self._holder, self._id, now + self._ttl_ms),
            ).rowcount

        if self._store.transact(self._account, renew):
            self._expires_ms = now + self._ttl_ms
        self._stands_in = self._store.store_id

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
    """Take the lease on `key`, or None if a living process holds it and it has not run out.

    Raises:
        BudgetStoreError: If the store cannot be used.
    """

    def take(state: AccountState, connection: sqlite3.Connection) -> int | None:
        now = now_ms()
        if now < state.hold_until_ms:
            # A new store: whoever held a lease in a deleted one has not told yet.
            return now - state.hold_until_ms
        row = connection.execute(
            "SELECT holder, id, expires_ms FROM leases WHERE account = ? AND key = ?",
            (account, key),
        ).fetchone()
        if row is not None:
            held_by, held_id, expires_ms = row
            # After a reboot the clock is young: an expiry further off than any lease is an old one.
            current = held_id <= state.last_id and now < expires_ms <= now + 24 * 3_600_000
            if current and alive(held_by) is not False:
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
