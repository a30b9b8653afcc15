"""The request budget of an account: the rules, applied to a state that processes share.

This module has what needs threads and processes: waiting for a grant, recording its end, ending the
requests of dead processes. The rules are in `rules` and `breaker`; where the state is stored, what
time it is there and who is alive, in a `budget_store`.
"""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress

from givenergy.budget import breaker as breakers
from givenergy.budget import rules
from givenergy.budget.account_snapshot import take_snapshot
from givenergy.budget.breaker import BreakerPolicy, OutagePatience
from givenergy.budget.budget_store import AT_ONCE, Transaction
from givenergy.budget.clock import now_ms
from givenergy.budget.dead_requests import end_dead_requests
from givenergy.budget.heartbeat import Heartbeat
from givenergy.budget.request_budget import (
    ACCOUNT_BUCKET,
    BudgetSnapshot,
    OwnLimit,
    Priority,
    RequestOutcome,
    Signal,
)
from givenergy.budget.rules import Policy, own_policy
from givenergy.budget.state import AccountState, BucketState, InFlight, Waiter
from givenergy.budget.store_location import StoreLocation, open_store
from givenergy.budget.stored_lease import StoredLease, take_lease
from givenergy.budget.usage_history import count_request, read_minutes
from givenergy.errors import BudgetStoreError, CancelledError

__all__ = ["SharedRequestBudget"]


class SharedGrant:
    """Permission to send one request; see `givenergy.budget.request_budget.Grant`."""

    __slots__ = ("_budget", "bucket", "cancelled", "id", "probe", "waited_s")

    def __init__(self, budget: SharedRequestBudget, id_: int, bucket: str, *, probe: bool) -> None:
        self._budget = budget
        self.cancelled: threading.Event | None = None
        self.id = id_
        self.bucket = bucket
        self.probe = probe
        self.waited_s = 0.0

    def settle(self, signal: Signal) -> None:
        """Report how the request ended."""
        self._budget.settle(self, signal)


class SharedRequestBudget:
    """One account's requests, shared by the threads and processes that use the same store.

    Args:
        where: The shared file, on a local disk, or the database that several machines share.
        account: Key of the account; processes with the same store and key share one budget.
        reserve: Requests per window that are never used here and left to others.
        window_s: Length of the account's window, in seconds (API documentation, Rate Limiting).
        limit: Requests per window until `X-RateLimit-Limit` states the limit.
        margin_s: Added to the time at which a slot is free, in seconds.
        breaker: When requests to a failing host are paused.
        is_read_only: Whether only `snapshot` is used, and nothing may be created in a database.
    """

    def __init__(
        self,
        where: StoreLocation,
        *,
        account: str,
        reserve: int = 0,
        window_s: float = 60.0,
        limit: int = 300,
        margin_s: float = 0.25,
        breaker: BreakerPolicy | None = None,
        is_read_only: bool = False,
    ) -> None:
        if reserve < 0 or window_s <= 0 or limit < 1:
            raise ValueError("A budget needs reserve >= 0, window_s > 0 and limit >= 1.")
        self.where = where
        self.account = account
        self.reserve = reserve
        window_ms = round(window_s * 1000)
        self._margin_ms = round(margin_s * 1000)
        self._policies: dict[str, Policy] = {
            ACCOUNT_BUCKET: Policy(limit=limit, window_ms=window_ms, margin_ms=self._margin_ms)
        }
        self._breaker_policy = breaker or BreakerPolicy()
        self._store = open_store(
            where,
            notice_ms=window_ms // 60,
            window_ms=window_ms + self._margin_ms,
            is_read_only=is_read_only,
        )
        self._leases: weakref.WeakSet[StoredLease] = weakref.WeakSet()
        self._unsettled: list[tuple[SharedGrant, Signal]] = []
        self._outage = OutagePatience()
        self._heartbeat = Heartbeat(self)

    def grant(
        self,
        *,
        bucket: str = ACCOUNT_BUCKET,
        own: OwnLimit | None = None,
        priority: Priority = Priority.BACKFILL,
        cancelled: threading.Event | None = None,
        patience_s: float | None = None,
    ) -> SharedGrant:
        """Wait until one request may be sent; see `RequestBudget.grant`."""
        self._heartbeat.ensure_running()
        policy = self._policy(bucket, own)
        process = self._store.holder()
        thread = f"{process}/{threading.get_ident()}"
        began = time.monotonic()
        waited = is_down = False
        attempted: InFlight | None = None
        granted_ms = 0
        outage_s = 0.0

        def try_grant(state: AccountState, transaction: Transaction) -> SharedGrant | int:
            now = transaction.now_ms()
            nonlocal is_down, attempted, granted_ms
            counted = state.bucket(bucket, policy.limit)
            if attempted in counted.in_flight:
                # Stored, though the connection broke before that was known.
                return SharedGrant(
                    self, attempted.id, bucket, probe=state.breaker.probe_id == attempted.id
                )
            is_down = bool(state.breaker.opened_ms)
            rules.expire_slots(counted, policy, now)
            wait = self._wait_ms(state, counted, policy, now, priority, patience_s)
            if wait and end_dead_requests(
                state, self._policies, now, process, transaction.is_alive
            ):
                wait = self._wait_ms(state, counted, policy, now, priority, patience_s)
            if wait:
                counted.waiting[thread] = Waiter(priority, now)
                return wait
            counted.waiting.pop(thread, None)
            state.last_id += 1
            request = rules.open_request(counted, now, id_=state.last_id, holder=process)
            attempted, granted_ms = request, now_ms()
            probe = bool(state.breaker.opened_ms)
            if probe:
                state.breaker.probe_id = request.id
                self._outage.note_probe()
            return SharedGrant(self, request.id, bucket, probe=probe)

        try:
            while True:
                if cancelled is not None and cancelled.is_set():
                    raise CancelledError("Cancelled while waiting for the request budget.")
                granted = self._store.transact(self.account, try_grant, cancelled)
                if isinstance(granted, SharedGrant):
                    waited = False
                    granted.cancelled = cancelled
                    if now_ms() - granted_ms > self._store.grant_lasts_ms:
                        # This process was paused: others may have given its slot away.
                        granted.settle(Signal(RequestOutcome.UNSENT))
                        continue
                    granted.waited_s = time.monotonic() - began - outage_s
                    return granted
                waited = True
                # A second at most: settings, clocks and other processes may shorten the wait.
                pause_s = min(granted, 1000) / 1000 * random.uniform(1.0, 1.1)
                paused_at = time.monotonic()
                if cancelled is None:
                    time.sleep(pause_s)
                else:
                    cancelled.wait(pause_s)
                if is_down:
                    outage_s += time.monotonic() - paused_at
        finally:
            if waited:
                self._forget_waiter(bucket, policy.limit, thread)

    def settle(self, grant: SharedGrant, signal: Signal) -> None:
        """Record how a granted request ended; postponed while the store cannot be used."""
        try:
            self._settle(grant, signal)
        except BudgetStoreError:
            self._unsettled.append((grant, signal))

    def lease(self, key: str, ttl_s: float = 60.0) -> StoredLease | None:
        """Take the lease on `key`; see `RequestBudget.lease`."""
        self._heartbeat.ensure_running()
        lease = take_lease(
            self._store, self.account, key, holder=self._store.holder(), ttl_ms=round(ttl_s * 1000)
        )
        if lease is not None:
            self._leases.add(lease)
        return lease

    def snapshot(self) -> BudgetSnapshot:
        """Return the budget as it is now; see `RequestBudget.snapshot`."""
        policy = self._policies[ACCOUNT_BUCKET]
        return self._store.read(
            self.account,
            lambda state, transaction: take_snapshot(
                state,
                policy,
                self.reserve,
                read_minutes(transaction, self.account, state.minute),
                transaction.now_ms(),
            ),
        )

    def close(self) -> None:
        """Release what this process holds and stop the heartbeat."""
        self._heartbeat.stop()
        for lease in list(self._leases):
            lease.release()
        self._store.close()

    def identity(self, token_hash: str) -> tuple[str, str | None] | None:
        """Return the (account id, time zone) stored for a token's hash, None if there is none."""
        return self._store.read(
            self.account, lambda _, transaction: transaction.identity(token_hash)
        )

    def remember_identity(self, token_hash: str, account_id: str, timezone: str | None) -> None:
        """Store which account a token belongs to, by the token's hash."""
        self._store.transact(
            self.account,
            lambda _, transaction: transaction.put_identity(token_hash, account_id, timezone),
        )

    def account_ids(self) -> list[str]:
        """Return the ids of the accounts that tokens were found to belong to."""
        return self._store.read(self.account, lambda _, transaction: transaction.account_ids())

    def forget(self, belongs: Callable[[str, str], bool]) -> None:
        """Remove the account and its tokens' hashes; see `Transaction.forget`."""
        self._store.change_rows(lambda transaction: transaction.forget(self.account, belongs))

    def forget_leases(self, names: Iterable[str]) -> None:
        """Remove the leases whose keys contain one of some names, of any account."""
        self._store.change_rows(lambda transaction: transaction.forget_leases(names))

    def move_requests_to(self, account: str) -> None:
        """Move the requests made under this budget's key to another account's budget.

        Used when it becomes known which account a token belongs to.
        """

        def move(state: AccountState, transaction: Transaction) -> None:
            now = transaction.now_ms()
            transaction.change(account, lambda target: state.move_completed(target, now))

        self._store.transact(self.account, move)

    def _policy(self, bucket: str, own: OwnLimit | None) -> Policy:
        if bucket in self._policies:
            return self._policies[bucket]
        if own is None:
            raise ValueError(f"The bucket {bucket!r} needs its own limit.")
        self._policies[bucket] = own_policy(own, self._margin_ms)
        return self._policies[bucket]

    def _wait_ms(
        self,
        state: AccountState,
        bucket: BucketState,
        policy: Policy,
        now: int,
        priority: Priority,
        patience_s: float | None,
    ) -> int:
        if now < state.hold_until_ms:
            return state.hold_until_ms - now
        outage_ms = self._outage.wait_ms(state.breaker, now, patience_s)
        reserve = self.reserve if policy is self._policies[ACCOUNT_BUCKET] else 0
        return outage_ms or rules.admit(bucket, policy, now, priority=priority, reserve=reserve)

    def _settle(self, grant: SharedGrant, signal: Signal) -> None:
        policy = self._policies[grant.bucket]
        was_ended = False

        def end(state: AccountState, transaction: Transaction) -> None:
            nonlocal was_ended
            bucket = state.bucket(grant.bucket, policy.limit)
            now = transaction.now_ms()
            request = next((r for r in bucket.in_flight if r.id == grant.id), None)
            if request is None and was_ended:
                return  # stored, though the connection broke before that was known
            was_ended = request is not None
            if request is None:
                # Granted by a store that was lost since: counted as sent just now.
                request = rules.open_request(bucket, now, id_=grant.id, holder="")
            before = bucket.window.others if bucket.window else 0
            rules.settle(bucket, policy, request, now, signal)
            after = bucket.window.others if bucket.window else 0
            breakers.record(
                state.breaker, self._breaker_policy, now, id_=request.id, outcome=signal.outcome
            )
            count_request(
                state, transaction, self.account, signal.outcome, others=max(0, after - before)
            )

        self._store.transact(self.account, end, hurry=grant.cancelled)

    def _forget_waiter(self, bucket: str, limit: int, thread: str) -> None:
        # One that is not forgotten counts for some seconds only.
        with suppress(BudgetStoreError):
            self._store.transact(
                self.account,
                lambda state, _: state.bucket(bucket, limit).waiting.pop(thread, None),
                hurry=AT_ONCE,
            )

    def renew(self) -> None:
        """Renew what this process holds, record postponed ends of requests, notice a new store."""
        self._store.keep_up(self.account)
        while self._unsettled:
            grant, signal = self._unsettled[0]
            self._settle(grant, signal)
            self._unsettled.pop(0)
        for lease in list(self._leases):
            lease.renew()
