"""Leases: who works on what, so that nothing is fetched twice at the same time.

They belong to the budget because they share its store, its clock and its check for dead processes.
What a key means (device, day, dataset) is decided by the caller.
"""

from __future__ import annotations

import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from givenergy.budget.budget_store import AT_ONCE, LeaseRow, Store, Transaction
from givenergy.budget.state import AccountState
from givenergy.errors import BudgetStoreError

__all__ = ["StoredLease", "take_lease"]


class StoredLease:
    """An exclusive right, renewed by the budget's heartbeat; see `request_budget.Lease`."""

    def __init__(
        self, store: Store, account: str, key: str, *, lease: LeaseRow, ttl_ms: int
    ) -> None:
        self.key = key
        self._store = store
        self._account = account
        self._holder = lease.holder
        self._id = lease.id
        self._stored_in = store.store_id
        self._ttl_ms = ttl_ms
        self._expires_ms = lease.expires_ms
        self._released = False

    @property
    def lost(self) -> bool:
        """Whether it expired and another process may hold it now."""
        return self._store.now_ms() >= min(self._expires_ms, self._store.alive_until_ms())

    def release(self) -> None:
        """Release it; doing so twice is harmless.

        Where the store cannot be used it is not renewed any more, and runs out.
        """
        if self._released:
            return
        self._released = True
        with suppress(BudgetStoreError):
            self._store.transact(
                self._account,
                lambda _, transaction: transaction.delete_lease(self._account, self.key, self._id),
                hurry=AT_ONCE,
            )

    def renew(self) -> None:
        """Postpone the expiry once a third of the time has passed or the store is a new one."""
        now = self._store.now_ms()
        due = self._expires_ms - now <= self._ttl_ms * 2 // 3
        if self._released or not (due or self._stored_in != self._store.store_id):
            return

        def renewed(_: AccountState, transaction: Transaction) -> int:
            lease = LeaseRow(self._holder, self._id, transaction.now_ms() + self._ttl_ms)
            done = transaction.renew_lease(self._account, self.key, lease)
            return lease.expires_ms if done else 0

        expires_ms = self._store.transact(self._account, renewed)
        # One that another process has taken stays lost when its time is over.
        self._expires_ms = expires_ms or self._expires_ms
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
    store: Store, account: str, key: str, *, holder: str, ttl_ms: int
) -> StoredLease | None:
    """Take the lease on `key`; return None if a living process holds it and it has not expired.

    Raises:
        BudgetStoreError: If the store cannot be used.
    """

    def take(state: AccountState, transaction: Transaction) -> LeaseRow | int | None:
        now = transaction.now_ms()
        if now < store.noticed_at_ms:
            # A new store: processes with a lease in a lost one may not have renewed it yet.
            return store.noticed_at_ms - now
        found = transaction.lease(account, key)
        if found is not None:
            # After a reboot the clock starts again: an expiry later than any lease is an old one.
            current = found.id <= state.last_id and now < found.expires_ms <= now + 24 * 3_600_000
            if current and transaction.is_alive(found.holder) is not False:
                return None
        state.last_id += 1
        lease = LeaseRow(holder, state.last_id, now + ttl_ms)
        transaction.put_lease(account, key, lease)
        return lease

    while isinstance(taken := store.transact(account, take), int):
        time.sleep(taken / 1000)
    return None if taken is None else StoredLease(store, account, key, lease=taken, ttl_ms=ttl_ms)
