"""The request budget of one machine: the rules, applied to a state shared through SQLite.

Here is what needs a clock, threads and processes: waiting for a grant, recording its end, giving
back what the dead held. The rules are in `rules` and `breaker`, the file is `store`'s.
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
from givenergy.budget.breaker import BreakerPolicy
from givenergy.budget.clock import now_ms
from givenergy.budget.holders import alive, own_holder
from givenergy.budget.interface import (
    ACCOUNT_BUCKET,
    BudgetSnapshot,
    Outcome,
    OwnLimit,
    Priority,
    Signal,
)
from givenergy.budget.keeper import Keeper
from givenergy.budget.leases import SqliteLease, take_lease
from givenergy.budget.minutes import count, read_minutes
from givenergy.budget.picture import picture
from givenergy.budget.rules import Policy
from givenergy.budget.state import AccountState, Breaker, BucketState, Waiter, unite
from givenergy.budget.store import StateStore
from givenergy.errors import BudgetStoreError, CancelledError, HostDownError

__all__ = ["SqliteRequestBudget"]

# A request of a process that cannot be looked at is taken as ended after this.
_LONGEST_FLIGHT_MS = 15 * 60_000
_UNKNOWN_HOST_S = 75.0


class SqliteGrant:
    """Leave to send one request; see `givenergy.budget.interface.Grant`."""

    __slots__ = ("_budget", "bucket", "id", "probe", "waited_s")

    def __init__(self, budget: SqliteRequestBudget, id_: int, bucket: str, *, probe: bool) -> None:
        self._budget = budget
        self.id = id_
        self.bucket = bucket
        self.probe = probe
        self.waited_s = 0.0

    def settle(self, signal: Signal) -> None:
        """Say what became of the request."""
        self._budget.settle(self, signal)


class SqliteRequestBudget:
    """One account's requests, shared by the threads and processes of this machine.

    Args:
        path: The shared file, on a local disk.
        account: Key of the account; processes with the same file and key share one budget.
        reserve: Requests a window never spent here, left to others.
        window_s: Length of the account's window, in seconds (API documentation, Rate Limiting).
        limit: Requests a window until `X-RateLimit-Limit` tells.
        margin_s: What a slot returns later than computed, in seconds.
        breaker: When a failing host is left alone.
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
            path, hold_ms=window_ms // 60, window_ms=window_ms + self._margin_ms
        )
        self._held: weakref.WeakSet[SqliteLease] = weakref.WeakSet()
        self._unsettled: list[tuple[SqliteGrant, Signal]] = []
        self._named = (0, "")
        self._outage = (0, 0)
        self._keeper = Keeper(self)

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
        self._keeper.ensure_running()
        policy = self._policy(bucket, own)
        holder = self._holder()
        me = f"{holder}/{threading.get_ident()}"
        began = time.monotonic()
        waited = False

        def ask(state: AccountState, _: sqlite3.Connection) -> SqliteGrant | int:
            now = now_ms()
            limit = state.bucket(bucket, policy.limit)
            rules.advance(limit, policy, now)
            wait = self._wait_ms(state, limit, policy, now, priority, patience_s)
            if wait and self._reap(state, now):
                wait = self._wait_ms(state, limit, policy, now, priority, patience_s)
            if wait:
                limit.waiting[me] = Waiter(priority, now)
                return wait
            limit.waiting.pop(me, None)
            state.last_id += 1
            flight = rules.launch(limit, now, id_=state.last_id, holder=holder)
            probe = bool(state.breaker.opened_ms)
            if probe:
                state.breaker.probe_id = flight.id
            return SqliteGrant(self, flight.id, bucket, probe=probe)

        try:
            while True:
                if cancelled is not None and cancelled.is_set():
                    raise CancelledError("Stopped while waiting for a request.")
                answer = self._store.transact(self.account, ask, cancelled)
                if isinstance(answer, SqliteGrant):
                    waited = False
                    answer.waited_s = time.monotonic() - began
                    return answer
                waited = True
                # A second at most: settings, clocks and other processes may change the answer.
                pause_s = min(answer, 1000) / 1000 * random.uniform(1.0, 1.1)
                if cancelled is None:
                    time.sleep(pause_s)
                else:
                    cancelled.wait(pause_s)
        finally:
            if waited:
                self._forget_waiter(bucket, policy.limit, me)

    def settle(self, grant: SqliteGrant, signal: Signal) -> None:
        """Record what became of a granted request; kept for later while the store is locked."""
        try:
            self._settle(grant, signal)
        except BudgetStoreError:
            self._unsettled.append((grant, signal))

    def lease(self, key: str, ttl_s: float = 60.0) -> SqliteLease | None:
        """Take the lease on `key`; see `RequestBudget.lease`."""
        self._keeper.ensure_running()
        lease = take_lease(
            self._store, self.account, key, holder=self._holder(), ttl_ms=round(ttl_s * 1000)
        )
        if lease is not None:
            self._held.add(lease)
        return lease

    def snapshot(self) -> BudgetSnapshot:
        """The budget as it stands; see `RequestBudget.snapshot`."""
        policy = self._policies[ACCOUNT_BUCKET]
        return self._store.read(
            self.account,
            lambda state, connection: picture(
                state, policy, self.reserve, read_minutes(connection, self.account, state.minute)
            ),
        )

    def close(self) -> None:
        """Give back what this process holds and stop its background work."""
        self._keeper.stop()
        for lease in list(self._held):
            lease.release()
        self._store.close()

    def identity(self, token_hash: str) -> tuple[str, str | None] | None:
        """The (account id, time zone) remembered for a token's hash, None if there is none."""

        def look(_: AccountState, connection: sqlite3.Connection) -> tuple[str, str | None] | None:
            found: tuple[str, str | None] | None = connection.execute(
                "SELECT account_id, timezone FROM identities WHERE token_hash = ?", (token_hash,)
            ).fetchone()
            return found

        return self._store.read(self.account, look)

    def remember_identity(self, token_hash: str, account_id: str, timezone: str | None) -> None:
        """Keep which account a token belongs to, by the token's hash."""
        self._store.transact(
            self.account,
            lambda _, connection: connection.execute(
                "INSERT OR REPLACE INTO identities VALUES (?, ?, ?)",
                (token_hash, account_id, timezone),
            ),
        )

    def hand_over(self, account: str) -> None:
        """Count what was spent under this budget's key on another account's budget as well.

        Used when it turns out which account a token belongs to.
        """

        def give(state: AccountState, connection: sqlite3.Connection) -> None:
            self._store.change_in(
                connection, account, lambda other: unite(other, state, self.account, now_ms())
            )

        self._store.transact(self.account, give)

    def _policy(self, bucket: str, own: OwnLimit | None) -> Policy:
        if bucket in self._policies:
            return self._policies[bucket]
        if own is None:
            raise ValueError(f"The bucket {bucket!r} needs its own limit.")
        # Nobody's app lives on such an endpoint: nothing is kept back for the rest of the window.
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
        limit: BucketState,
        policy: Policy,
        now: int,
        priority: Priority,
        patience_s: float | None,
    ) -> int:
        if now < state.hold_until_ms:
            return state.hold_until_ms - now
        self._bear_outage(state.breaker, now, patience_s)
        reserve = self.reserve if policy is self._policies[ACCOUNT_BUCKET] else 0
        return breakers.admit(state.breaker, now) or rules.admit(
            limit, policy, now, priority=priority, reserve=reserve
        )

    def _bear_outage(self, breaker: Breaker, now: int, patience_s: float | None) -> None:
        """Raise HostDownError once an outage has lasted longer here than patience allows.

        It counts from when this process met it, so that a later run does not give up unasked.
        """
        if self._outage[0] != breaker.opened_ms:
            self._outage = (breaker.opened_ms, now)
        if not breaker.opened_ms or patience_s is None:
            return
        if not breaker.ever_answered:
            # Perhaps a wrong address: not worth the patience for a host that has gone away.
            patience_s = min(patience_s, _UNKNOWN_HOST_S)
        if now - self._outage[1] > patience_s * 1000:
            raise HostDownError(
                f"The API has not answered for {(now - breaker.opened_ms) / 1000:.0f} s.",
                hint="Check the network and the API's address, then start again: "
                "nothing that arrived is lost.",
            )

    def _reap(self, state: AccountState, now: int) -> bool:
        """End the requests of dead processes; whether there were any."""
        if now - state.reaped_ms < 200:
            return False
        state.reaped_ms = now
        lives: dict[str, bool | None] = {self._holder(): True}
        ended = False
        for name, limit in state.buckets.items():
            policy = self._policies.get(name) or Policy(limit=limit.limit)
            for flight in list(limit.flights):
                if flight.holder not in lives:
                    lives[flight.holder] = alive(flight.holder)
                stale = now - flight.sent_ms > _LONGEST_FLIGHT_MS
                if lives[flight.holder] is False or stale:
                    # It may have reached the server up to now: its slot returns a window later.
                    rules.settle(limit, policy, flight, now, Signal(Outcome.FAILED))
                    ended = True
                    if state.breaker.probe_id == flight.id:
                        state.breaker.probe_id = 0
            limit.waiting = {
                key: waiter for key, waiter in limit.waiting.items() if waiter.asked_ms > now - 5000
            }
        return ended

    def _settle(self, grant: SqliteGrant, signal: Signal) -> None:
        policy = self._policies[grant.bucket]

        def end(state: AccountState, connection: sqlite3.Connection) -> None:
            limit = state.bucket(grant.bucket, policy.limit)
            flight = next((f for f in limit.flights if f.id == grant.id), None)
            if flight is None:
                return
            now = now_ms()
            before = limit.window.others if limit.window else 0
            rules.settle(limit, policy, flight, now, signal)
            after = limit.window.others if limit.window else 0
            breakers.record(
                state.breaker, self._breaker_policy, now, id_=flight.id, outcome=signal.outcome
            )
            count(state, connection, self.account, signal.outcome, others=max(0, after - before))

        self._store.transact(self.account, end)

    def _forget_waiter(self, bucket: str, limit: int, me: str) -> None:
        self._store.transact(
            self.account, lambda state, _: state.bucket(bucket, limit).waiting.pop(me, None)
        )

    def keep(self) -> None:
        """One round of the keeper: a deleted store, answers not yet recorded, leases."""
        # Reading also keeps in mind what to tell a new store if this one is deleted.
        self._store.read(self.account, lambda *_: None)
        while self._unsettled:
            grant, signal = self._unsettled[0]
            self._settle(grant, signal)
            self._unsettled.pop(0)
        for lease in list(self._held):
            lease.keep()

    def _holder(self) -> str:
        """This process' name, looked up once per process."""
        if self._named[0] != os.getpid():
            self._named = (os.getpid(), own_holder())
        return self._named[1]
