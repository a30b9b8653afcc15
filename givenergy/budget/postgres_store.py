"""A PostgreSQL database in which processes of several machines share the budget.

A transaction locks an account's row, then reads the server's clock, so that time goes the same way
as the transactions. Nobody sees the processes of another machine: each says every few seconds that
it lives, and one that has not for a while counts as dead.

Commits are not waited for until they are on the disk: a server that crashes may lose the grants of
its last second. So nothing is granted for a window after the server was started or has recovered,
after the tables were created or restored, after its clock was seen to be set, and after a process
found a state that is older than it knows.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from givenergy.budget import clock
from givenergy.budget.budget_store import AT_ONCE, Transaction
from givenergy.budget.postgres_session import OtherTablesError, PostgresSession
from givenergy.budget.postgres_transaction import (
    ALIVE_FOR_MS,
    CLOCK,
    LIFE,
    PostgresTransaction,
    say_alive,
)
from givenergy.budget.postgres_url import PostgresUrl
from givenergy.budget.process_identity import own_identity
from givenergy.budget.server_time import ServerTime
from givenergy.budget.state import AccountState
from givenergy.errors import BudgetStoreError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

__all__ = ["PostgresStore"]

VERSION = 1
_SAY_ALIVE_EVERY_MS = 3_000
# A clock that was set back by less than this stands still meanwhile.
_STANDSTILL_MS = 1_000

_LOCK = "SELECT FROM accounts WHERE account = %(account)s FOR UPDATE; "
_ADD = "INSERT INTO accounts VALUES (%(account)s, '', 0, 0) ON CONFLICT DO NOTHING; "
_READ = (
    f"SELECT state, version, at_ms, {CLOCK} FROM (VALUES (1)) AS one "
    "LEFT JOIN accounts ON account = %(account)s"
)
_WRITE = "UPDATE accounts SET state = %s, version = version + 1, at_ms = %s WHERE account = %s"
_SERVER = f"SELECT version, life, noticed_at_ms, hold_until_ms, {LIFE}, {CLOCK} FROM server"

_T = TypeVar("_T")


class PostgresStore:
    """Transactions on the shared tables; safe for threads, processes and forks.

    Args:
        where: The database; the tables are created if absent.
        notice_ms: Time within which processes renew their leases after a loss.
        window_ms: How long nothing is granted after states may have been lost.
        is_read_only: Whether nothing may be created or changed; only `read` may be used then.

    Raises:
        BudgetAwayError: If the server does not answer for a minute, or at once if only read.
        BudgetStoreError: If it refuses; if only read also if there are no tables.
    """

    # A process says at least every three seconds, and before a grant, that it lives: a slot is
    # given away twelve seconds after the grant at the earliest.
    grant_lasts_ms = 5_000

    def __init__(
        self, where: PostgresUrl, *, notice_ms: int, window_ms: int, is_read_only: bool = False
    ) -> None:
        self.where = where
        self.noticed_at_ms = 0
        self._notice_ms = notice_ms
        self._window_ms = window_ms
        self._is_read_only = is_read_only
        self._hurry = AT_ONCE if is_read_only else None
        self._process = (os.getpid(), own_identity())
        self._time = ServerTime()
        self._life = ""
        self._pauses = 0
        self._hold_until_ms = 0
        self._said_alive_ms = self._alive_until_ms = 0
        self._versions: dict[str, int] = {}
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(AccountState).decode
        self._session = PostgresSession(where, self._enter, is_read_only=is_read_only)
        self._session.run(lambda _: None, hurry=self._hurry)

    @property
    def store_id(self) -> str:
        """Another one after a loss, and after this process may have been taken for dead."""
        return f"{self._life}/{self._pauses}"

    def transact(
        self,
        account: str,
        change: Callable[[AccountState, Transaction], _T],
        cancelled: threading.Event | None = None,
        hurry: threading.Event | None = None,
    ) -> _T:
        """Run `change` on the account's state while no other process can, and store the result.

        Raises:
            BudgetAwayError: If the server does not answer for a minute, or until `hurry` is set.
            BudgetStoreError: If it refuses.
            CancelledError: If `cancelled` is set while the server is waited for.
        """

        def work(connection: Connection) -> _T:
            # Two round trips a transaction, unless more than the state is changed.
            state, now_ms = self._load(connection, account, f"BEGIN; {_LOCK}")
            transaction = PostgresTransaction(connection, now_ms, self._change_in)
            result = change(state, transaction)
            self._write(connection, account, state, now_ms, f"{_WRITE}; COMMIT")
            return result

        return self._in_transaction(work, cancelled, hurry)

    def change_rows(self, change: Callable[[Transaction], _T]) -> _T:
        """Run `change` on what is stored beside the states.

        Raises:
            BudgetStoreError: As for `transact`.
        """

        def work(connection: Connection) -> _T:
            transaction = PostgresTransaction(connection, self.now_ms(), self._change_in)
            transaction.execute("BEGIN")
            result = change(transaction)
            transaction.execute("COMMIT")
            return result

        return self._in_transaction(work)

    def read(self, account: str, look: Callable[[AccountState, Transaction], _T]) -> _T:
        """Run `look` on the account's state; changes made there are not stored.

        Raises:
            BudgetStoreError: As for `transact`.
        """

        def work(connection: Connection) -> _T:
            state, now_ms = self._load(connection, account, "")
            return look(state, PostgresTransaction(connection, now_ms, self._change_in))

        return self._session.run(work, hurry=self._hurry)

    def now_ms(self) -> int:
        """Return the latest time that it may be on the server."""
        return self._time.latest_ms(clock.now_ms())

    def holder(self) -> str:
        """Return this process' identity, determined once per process."""
        if self._process[0] != os.getpid():
            self._process = (os.getpid(), own_identity())
        return self._process[1]

    def alive_until_ms(self) -> int:
        """Return until when the others know that this process lives."""
        return self._alive_until_ms

    def keep_up(self, account: str) -> None:
        """Say that this process lives, notice a loss, and store the hold that it set because of it.

        The server is asked each time: leases must be renewed within `notice_ms` of a loss.

        Raises:
            BudgetStoreError: At once if the server does not answer, or if it refuses.
        """

        def is_holding(connection: Connection) -> bool:
            self._say_alive(connection)
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {LIFE}")
                if cursor.fetchone() != (self._life,):
                    raise OtherTablesError("they are changed all the time")
            return self._hold_until_ms > self.now_ms()

        if self._session.run(is_holding, hurry=AT_ONCE):
            self.transact(account, lambda *_: None)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _in_transaction(
        self,
        work: Callable[[Connection], _T],
        cancelled: threading.Event | None = None,
        hurry: threading.Event | None = None,
    ) -> _T:
        return self._session.in_transaction(work, cancelled, hurry, before=self._say_alive)

    def _change_in(
        self, connection: Connection, account: str, change: Callable[[AccountState], _T]
    ) -> _T:
        state, now_ms = self._load(connection, account, _LOCK)
        result = change(state)
        self._write(connection, account, state, now_ms, _WRITE)
        return result

    def _load(self, connection: Connection, account: str, lock: str) -> tuple[AccountState, int]:
        """Return an account's state and the time, read after the account was locked by `lock`."""
        with connection.cursor() as cursor:
            sent_ms = clock.now_ms()
            cursor.execute(lock + _READ, {"account": account})
            text, version, at_ms, now_ms = cursor.fetchone()
            if text is None and lock:
                cursor.execute(_ADD + _LOCK + _READ, {"account": account})
                text, version, at_ms, now_ms = cursor.fetchone()
        self._note_time(sent_ms, now_ms)
        # A clock that was set back must not make it last longer.
        self.noticed_at_ms = min(self.noticed_at_ms, now_ms + self._notice_ms)
        if (version or 0) < self._versions.get(account, 0):
            # Deleted or restored under the connection.
            self._hold_until_ms = now_ms + self._window_ms
            self._versions.clear()
            raise OtherTablesError("states are lost")
        self._versions[account] = version or 0
        is_set_back = bool(text) and at_ms > now_ms + _STANDSTILL_MS
        if text and not is_set_back:
            now_ms = max(now_ms, at_ms)
        return self._state(text, now_ms, is_set_back=is_set_back), now_ms

    def _state(self, text: str | None, now_ms: int, *, is_set_back: bool) -> AccountState:
        # Numbers continue above those of a lost state.
        state = AccountState(boot=self._life, last_id=now_ms * 1000)
        if text:
            try:
                state = self._decode(text)
            except msgspec.DecodeError:
                state.hold_until_ms = now_ms + self._window_ms
        if state.boot != self._life and not self._session.is_new:
            raise OtherTablesError("they are changed all the time")
        if state.boot != self._life or is_set_back:
            state.restart(self._life, now_ms)
        hold_until_ms = min(self._hold_until_ms, now_ms + self._window_ms)
        state.hold_until_ms = max(state.hold_until_ms, hold_until_ms)
        return state

    def _write(
        self,
        connection: Connection,
        account: str,
        state: AccountState,
        now_ms: int,
        statement: str,
    ) -> None:
        text = self._encode(state).decode()
        connection.cursor().execute(statement, (text, now_ms, account))

    def _say_alive(self, connection: Connection) -> None:
        now_ms = clock.now_ms()
        if now_ms - self._said_alive_ms < _SAY_ALIVE_EVERY_MS and not self._session.is_new:
            return
        seen_ms = say_alive(connection, self.holder(), is_first=self._session.is_new)
        self._note_time(now_ms, seen_ms)
        if seen_ms > self._alive_until_ms:
            self._pauses += 1
        self._said_alive_ms, self._alive_until_ms = now_ms, seen_ms + ALIVE_FOR_MS

    def _note_time(self, sent_ms: int, server_ms: int) -> None:
        """Note the server's time, asked for at `sent_ms`; one that was set costs a window."""
        if self._time.note(sent_ms, clock.now_ms(), server_ms):
            self._hold_until_ms = server_ms + self._window_ms

    def _enter(self, connection: Connection) -> None:
        """Read what concerns all accounts; whoever finds that states may be lost says so there."""
        lock = "" if self._is_read_only else "SELECT FROM server FOR UPDATE; "
        with connection.cursor() as cursor:
            cursor.execute(f"BEGIN; {lock}{_SERVER}")
            version, known, noticed_at_ms, hold_until_ms, life, now_ms = cursor.fetchone()
            if version > VERSION:
                raise BudgetStoreError(
                    f"The request budget in {self.where} was written by a newer givlake.",
                    hint="Update givlake on this machine.",
                )
            if known != life:
                noticed_at_ms = now_ms + self._notice_ms
                hold_until_ms = now_ms + self._window_ms
                if not self._is_read_only:
                    cursor.execute(
                        "UPDATE server SET life = %s, noticed_at_ms = %s, hold_until_ms = %s; "
                        "SET LOCAL synchronous_commit = on",
                        (life, noticed_at_ms, hold_until_ms),
                    )
            cursor.execute("COMMIT")
        if self._life != life:
            self._versions.clear()
        # A clock that was set back must not make them last longer.
        self._life, self.noticed_at_ms = life, min(noticed_at_ms, now_ms + self._notice_ms)
        self._hold_until_ms = max(self._hold_until_ms, min(hold_until_ms, now_ms + self._window_ms))
