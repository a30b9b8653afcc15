"""The tables of the request budget in SQLite, and what a transaction can do with them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from givenergy.budget.budget_store import Cursor, Transaction
from givenergy.budget.clock import now_ms
from givenergy.budget.process_identity import is_alive
from givenergy.budget.state import AccountState

__all__ = ["READ", "SCHEMA", "WRITE", "SqliteTransaction", "hint"]

_T = TypeVar("_T")
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (account TEXT PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS leases (
    account TEXT, key TEXT, holder TEXT NOT NULL, id INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
    PRIMARY KEY (account, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minutes (
    account TEXT, minute INTEGER, sent INTEGER, failed INTEGER, rate_limited INTEGER,
    others INTEGER, PRIMARY KEY (account, minute)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identities (
    token_hash TEXT PRIMARY KEY, account_id TEXT NOT NULL, timezone TEXT) WITHOUT ROWID;
"""
READ = "SELECT state FROM accounts WHERE account = ?"
WRITE = (
    "INSERT INTO accounts VALUES (?1, ?2) "
    "ON CONFLICT (account) DO UPDATE SET state = excluded.state"
)


class SqliteTransaction(Transaction):
    """What is stored beside an account's state, on an open connection."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        change_in: Callable[[sqlite3.Connection, str, Callable[[AccountState], Any]], Any],
    ) -> None:
        self._connection = connection
        self._change_in = change_in

    def execute(self, statement: str, values: Sequence[object] = ()) -> Cursor:
        """Run a statement."""
        return self._connection.execute(statement, tuple(values))

    def now_ms(self) -> int:
        """Return the milliseconds of the machine's clock."""
        return now_ms()

    def wall_clock_s(self) -> float:
        """Return the machine's time of day."""
        return time.time()

    def is_alive(self, holder: str) -> bool | None:
        """Look a process up among those of this machine."""
        return is_alive(holder)

    def change(self, account: str, change: Callable[[AccountState], _T]) -> _T:
        """Change another account's state."""
        result: _T = self._change_in(self._connection, account, change)
        return result


def hint(name: str) -> str:
    """Return what to do about an error of SQLite, by its name."""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "Another program keeps it locked: close that program and start again."
    if name == "SQLITE_FULL":
        return "The disk is full: make room and start again."
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return "Make the file and its folder writable, or set GIVLAKE_DATA to one that is."
    return "Check the disk; the file may be deleted, it holds no data of yours."
