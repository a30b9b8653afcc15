"""The request budget of one machine: the rules, applied to a state shared through SQLite.

This module has what needs a clock, threads and processes: waiting for a grant, recording its end,
ending the requests of dead processes. The rules are in `rules` and `breaker`, the file in
`state_store`.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
import weakref
from pathlib import Path

from givenergy.budget import breaker as breakers
from givenergy.budget import rules
from givenergy.budget.account_snapshot import take_snapshot
from givenergy.budget.breaker import BreakerPolicy, OutagePatience
from givenergy.budget.clock import now_ms
from givenergy.budget.dead_requests import end_dead_requests
from givenergy.budget.heartbeat import Heartbeat
from givenergy.budget.process_identity import own_identity
from givenergy.budget.request_budget import (
    ACCOUNT_BUCKET,
    BudgetSnapshot,
    OwnLimit,
    Priority,
    Signal,
)
from givenergy.budget.rules import Policy
from givenergy.budget.sqlite_lease import SqliteLease, take_lease
from givenergy.budget.state import AccountState, BucketState, Waiter
from givenergy.budget.state_store import StateStore
from givenergy.budget.usage_history import count_request, read_minutes
from givenergy.errors import BudgetStoreError, CancelledError

__all__ = ["SqliteRequestBudget"]


class SqliteGrant:
    """Permission to send one request; see `givenergy.budget.request_budget.Grant`."""

    __slots__ = ("_budget", "bucket", "id", "probe", "waited_s")

    def __init__(self, budget: SqliteRequestBudget, id_: int, bucket: str, *, probe: bool) -> None:
        self._budget = budget
        self.id = id_
        self.bucket = bucket
        self.probe = probe
        self.waited_s = 0.0

    def settle(self, signal: Signal) -> None:
        """Report how the request ended."""
        self._budget.settle(self, signal)


class SqliteRequestBudget:
    """One account's requests, shared by the threads and processes of this machine.

    Args:
        path: The shared file, on a local disk.
        account: Key of the account; processes with the same file and key share one budget.
        reserve: Requests per window that are never used here and left to others.
        window_s: Length of the account's window, in seconds (API documentation, Rate Limiting).
        limit: Requests per window until `X-RateLimit-Limit` states the limit.
        margin_s: Added to the time at which a slot is free, in seconds.
        breaker: When requests to a failing host are paused.
    """

    def __init__(
        self,
        path: Path,
        *,
        account: str,
        reserve: int = 0,
        window_s: float = 60.0,
        limit: int = 300,
        margin_s: float = 0.25,
        breaker: BreakerPolicy | None = None,
    ) -> None:
        if reserve < 0 or window_s <= 0 or limit < 1:
            raise ValueError("A budget needs reserve >= 0, window_s > 0 and limit >= 1.")
        self.account = account
        self.reserve = reserve
        window_ms = round(window_s * 1000)
        self._margin_ms = round(margin_s * 1000)
        self._policies: dict[str, Policy] = {
            ACCOUNT_BUCKET: Policy(limit=limit, window_ms=window_ms, margin_ms=self._margin_ms)
        }
        self._breaker_policy = breaker or BreakerPolicy()
        self._store = StateStore(
            path, notice_ms=window_ms // 60, window_ms=window_ms + self._margin_ms
        )
        self._leases: weakref.WeakSet[SqliteLease] = weakref.WeakSet()
        self._unsettled: list[tuple[SqliteGrant, Signal]] = []
        self._identity = (0, "")
        self._outage = OutagePatience()
        self._heartbeat = Heartbeat(self)

    @property
    def path(self) -> Path:
        """The shared file."""
        return self._store.path

    def grant(
        self,
        *,
        bucket: str = ACCOUNT_BUCKET,
        own: OwnLimit | None = None,
        priority: Priority = Priority.BACKFILL,
        cancelled: threading.Event | None = None,
        patience_s: float | None = None,
    ) -> SqliteGrant:
        """Wait until one request may be sent; see `RequestBudget.grant`."""
        self._heartbeat.ensure_running()
        policy = self._policy(bucket, own)
        process = self._process()
        thread = f"{process}/{threading.get_ident()}"
        began = time.monotonic()
        waited = is_down = False
        outage_s = 0.0

        def try_grant(state: AccountState, _: sqlite3.Connection) -> SqliteGrant | int:
            now = now_ms()
            nonlocal is_down
            counted = state.bucket(bucket, policy.limit)
            is_down = bool(state.breaker.opened_ms)
            rules.expire_slots(counted, policy, now)
            wait = self._wait_ms(state, counted, policy, now, priority, patience_s)
            if wait and end_dead_requests(state, self._policies, now, process):
                wait = self._wait_ms(state, counted, policy, now, priority, patience_s)
            if wait:
                counted.waiting[thread] = Waiter(priority, now)
                return wait
            counted.waiting.pop(thread, None)
            state.last_id += 1
            request = rules.open_request(counted, now, id_=state.last_id, holder=process)
            probe = bool(state.breaker.opened_ms)
            if probe:
                state.breaker.probe_id = request.id
                self._outage.note_probe()
            return SqliteGrant(self, request.id, bucket, probe=probe)

        try:
            while True:
                if cancelled is not None and cancelled.is_set():
                    raise CancelledError("Cancelled while waiting for the request budget.")
                granted = self._store.transact(self.account, try_grant, cancelled)
                if isinstance(granted, SqliteGrant):
                    waited = False
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

    def settle(self, grant: SqliteGrant, signal: Signal) -> None:
        """Record how a granted request ended; postponed while the file is locked."""
        try:
            self._settle(grant, signal)
        except BudgetStoreError:
            self._unsettled.append((grant, signal))

    def lease(self, key: str, ttl_s: float = 60.0) -> SqliteLease | None:
        """Take the lease on `key`; see `RequestBudget.lease`."""
        self._heartbeat.ensure_running()
        lease = take_lease(
            self._store, self.account, key, holder=self._process(), ttl_ms=round(ttl_s * 1000)
        )
        if lease is not None:
            self._leases.add(lease)
        return lease

    def snapshot(self) -> BudgetSnapshot:
        """Return the budget as it is now; see `RequestBudget.snapshot`."""
        policy = self._policies[ACCOUNT_BUCKET]
        return self._store.read(
            self.account,
            lambda state, connection: take_snapshot(
                state, policy, self.reserve, read_minutes(connection, self.account, state.minute)
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

        def look(_: AccountState, connection: sqlite3.Connection) -> tuple[str, str | None] | None:
            found: tuple[str, str | None] | None = connection.execute(
                "SELECT account_id, timezone FROM identities WHERE token_hash = ?", (token_hash,)
            ).fetchone()
            return found

        return self._store.read(self.account, look)

    def remember_identity(self, token_hash: str, account_id: str, timezone: str | None) -> None:
        """Store which account a token belongs to, by the token's hash."""
        self._store.transact(
            self.account,
            lambda _, connection: connection.execute(
                "INSERT OR REPLACE INTO identities VALUES (?, ?, ?)",
                (token_hash, account_id, timezone),
            ),
        )

    def move_requests_to(self, account: str) -> None:
        """Move the requests made under this budget's key to another account's budget.

        Used when it becomes known which account a token belongs to.
        """

        def move(state: AccountState, connection: sqlite3.Connection) -> None:
            self._store.change_in(
                connection, account, lambda target: state.move_completed(target, now_ms())
            )

        self._store.transact(self.account, move)

    def _policy(self, bucket: str, own: OwnLimit | None) -> Policy:
        if bucket in self._policies:
            return self._policies[bucket]
        if own is None:
            raise ValueError(f"The bucket {bucket!r} needs its own limit.")
        # No other client depends on such an endpoint: no share is kept for them.
        policy = Policy(
            limit=own.requests,
            window_ms=round(own.window_s * 1000),
            margin_ms=self._margin_ms,
            keep_start=0.0,
            keep_end=0.0,
        )
        self._policies[bucket] = policy
        return policy

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

    def _settle(self, grant: SqliteGrant, signal: Signal) -> None:
        policy = self._policies[grant.bucket]

        def end(state: AccountState, connection: sqlite3.Connection) -> None:
            bucket = state.bucket(grant.bucket, policy.limit)
            now = now_ms()
            request = next((r for r in bucket.in_flight if r.id == grant.id), None)
            if request is None:
                # Granted by a file that was deleted since: counted as sent just now.
                request = rules.open_request(bucket, now, id_=grant.id, holder="")
            before = bucket.window.others if bucket.window else 0
            rules.settle(bucket, policy, request, now, signal)
            after = bucket.window.others if bucket.window else 0
            breakers.record(
                state.breaker, self._breaker_policy, now, id_=request.id, outcome=signal.outcome
            )
            count_request(
                state, connection, self.account, signal.outcome, others=max(0, after - before)
            )

        self._store.transact(self.account, end)

    def _forget_waiter(self, bucket: str, limit: int, thread: str) -> None:
        self._store.transact(
            self.account, lambda state, _: state.bucket(bucket, limit).waiting.pop(thread, None)
        )

    def renew(self) -> None:
        """Renew what this process holds, record postponed ends of requests, notice a new file."""
        self._store.keep_hold(self.account)
        while self._unsettled:
            grant, signal = self._unsettled[0]
            self._settle(grant, signal)
            self._unsettled.pop(0)
        for lease in list(self._leases):
            lease.renew()

    def _process(self) -> str:
        """Return this process' identity, determined once per process."""
        if self._identity[0] != os.getpid():
            self._identity = (os.getpid(), own_identity())
        return self._identity[1]
