"""The file in which processes share the budget: one SQLite database, one row per account.

A transaction loads an account's state, lets a function change it and writes it back. Nothing here
knows what the state means.

When somebody deletes the file while processes use it, each of them tells the next file what it last
saw in the former. The deleted file itself is never read again: SQLite's side files are found by
name, so that its connections would see the new file's.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from givenergy.budget.clock import boot_id, now_ms
from givenergy.budget.state import AccountState, unite
from givenergy.errors import BudgetStoreError, CancelledError

__all__ = ["StateStore"]

VERSION = 1
# How long another program may keep the file locked before that is an error.
LOCKED_PATIENCE_S = 60.0

_T = TypeVar("_T")
_SCHEMA = """
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
_READ = "SELECT state FROM accounts WHERE account = ?"
_WRITE = (
    "INSERT INTO accounts VALUES (?1, ?2) "
    "ON CONFLICT (account) DO UPDATE SET state = excluded.state"
)


class StateStore:
    """Transactions on the shared file; safe for threads, processes and forks.

    Args:
        path: The database; made, with its folder, if absent.
        hold_ms: How long a new file grants nothing, so that processes which still know the
            deleted one can tell what they have spent.
        window_ms: How long to grant nothing after a damaged file had to be set aside.

    Attributes:
        path: The database.
        store_id: Names the file itself: another one at the same path has another id.
    """

    def __init__(self, path: Path, *, hold_ms: int, window_ms: int) -> None:
        self.path = path
        self._hold_ms = hold_ms
        self._window_ms = window_ms
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(AccountState).decode
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self.store_id = ""
        self._known: dict[str, tuple[str, int]] = {}
        self._boot = boot_id()
        self._hold_until_ms = 0
        with self._lock:
            self._guarded(self._open)

    def transact(
        self,
        account: str,
        change: Callable[[AccountState, sqlite3.Connection], _T],
        cancelled: threading.Event | None = None,
    ) -> _T:
        """Run `change` on the account's state while no other process can, and keep the result.

        Raises:
            BudgetStoreError: If the file cannot be written, or stays locked for a minute.
            CancelledError: If `cancelled` is set while the file is locked.
        """

        def work() -> _T:
            connection = self._usable()
            connection.execute("BEGIN IMMEDIATE")
            try:
                state = self._load(connection, account)
                result = change(state, connection)
                state.changes += 1
                text, seen_ms = self._encode(state).decode(), now_ms()
                connection.execute(_WRITE, (account, text))
                connection.execute("COMMIT")
                self._known[account] = (text, seen_ms)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return self._guarded(work, cancelled)

    def change_in(
        self, connection: sqlite3.Connection, account: str, change: Callable[[AccountState], None]
    ) -> None:
        """Change another account's state within the transaction that is under way."""
        state = self._load(connection, account)
        change(state)
        state.changes += 1
        connection.execute(_WRITE, (account, self._encode(state).decode()))

    def read(self, account: str, look: Callable[[AccountState, sqlite3.Connection], _T]) -> _T:
        """Let `look` see the account's state; what it changes there is not kept.

        Raises:
            BudgetStoreError: As for `transact`.
        """

        def work() -> _T:
            connection = self._usable()
            seen_ms = now_ms()
            state = self._load(connection, account)
            self._known[account] = (self._encode(state).decode(), seen_ms)
            return look(state, connection)

        return self._guarded(work)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _guarded(self, work: Callable[[], _T], cancelled: threading.Event | None = None) -> _T:
        """Run `work`, waiting out locks and mending what can be mended."""
        if self._pid != os.getpid():
            # A fork may have copied the lock while another thread held it, and the connection is
            # the parent's: drop it unclosed.
            self._pid = os.getpid()
            self._lock = threading.RLock()
            self._connection = None
        deadline = time.monotonic() + LOCKED_PATIENCE_S
        mended = 0
        while True:
            try:
                with self._lock:
                    return work()
            except sqlite3.Error as error:
                name = getattr(error, "sqlite_errorname", "")
                if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                    if cancelled is not None and cancelled.is_set():
                        raise CancelledError("Stopped while waiting for a request.") from None
                    if time.monotonic() < deadline:
                        continue
                elif mended < 10 and self._mend(name):
                    mended += 1
                    time.sleep(0.01 * mended)
                    continue
                raise BudgetStoreError(
                    f"The request budget in {self.path} cannot be used: {error}.",
                    hint=_hint(name),
                ) from error
            except OSError as error:
                # Deleted while it was opened.
                if isinstance(error, FileNotFoundError) and mended < 10:
                    mended += 1
                    time.sleep(0.01 * mended)
                    continue
                raise BudgetStoreError(
                    f"The request budget in {self.path} cannot be used: {error.strerror}.",
                    hint="Make its folder writable, or set GIVLAKE_DATA to one that is.",
                ) from error

    def _mend(self, name: str) -> bool:
        """Whether trying again can help after an error of this name."""
        if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
            with self._lock:
                self._set_aside()
            return True
        # A file deleted under an open connection, or while it is opened, shows itself in several
        # ways.
        return name == "SQLITE_READONLY_DBMOVED" or self._replaced()

    def _set_aside(self) -> None:
        """Move a damaged file away; what it knew is lost, so wait for a whole window."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        stamp = f"damaged-{int(time.time())}"
        for suffix in ("", "-journal"):
            file = Path(f"{self.path}{suffix}")
            if file.exists():
                file.replace(f"{self.path}.{stamp}{suffix}")
        self._open(hold_ms=self._window_ms)

    def _replaced(self) -> bool:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - on the way of every grant
        except FileNotFoundError:
            return True
        return (found.st_dev, found.st_ino) != self._identity

    def _usable(self) -> sqlite3.Connection:
        """The connection to the file that now stands at the path."""
        if self._connection is None or self._replaced():
            former_id = self.store_id
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._open()
            if self.store_id != former_id:
                self._tell(former_id)
        assert self._connection is not None
        return self._connection

    def _open(self, hold_ms: int | None = None) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        found = os.fstat(file)
        os.close(file)
        self._identity = (found.st_dev, found.st_ino)
        connection = sqlite3.connect(
            self.path, timeout=1.0, isolation_level=None, check_same_thread=False
        )
        try:
            # Not WAL: its side files, found by name, would join a deleted file to the next one. No
            # fsync: what a power cut may spoil is made anew, and a boot begins a new account of
            # what was spent anyway.
            connection.execute("PRAGMA journal_mode = PERSIST")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            hold_until = now_ms() + (self._hold_ms if hold_ms is None else hold_ms)
            connection.executemany(
                "INSERT OR IGNORE INTO meta VALUES (?, ?)",
                [
                    ("store_id", uuid.uuid4().hex),
                    ("boot", self._boot),
                    ("hold_until_ms", str(hold_until)),
                    ("version", str(VERSION)),
                ],
            )
            meta = dict(connection.execute("SELECT key, value FROM meta"))
            connection.execute("COMMIT")
            if self._replaced():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        except BaseException:
            connection.close()
            raise
        self.store_id = meta["store_id"]
        self._hold_until_ms = int(meta["hold_until_ms"]) if meta["boot"] == self._boot else 0
        self._connection = connection
        if int(meta["version"]) > VERSION:
            raise BudgetStoreError(
                f"The request budget in {self.path} was written by a newer givlake.",
                hint="Update givlake, or delete the file while nothing uses it.",
            )

    def _load(self, connection: sqlite3.Connection, account: str) -> AccountState:
        row = connection.execute(_READ, (account,)).fetchone()
        if row is None:
            return AccountState(
                boot=self._boot,
                hold_until_ms=self._hold_until_ms,
                # Numbers go on rising over a deleted store.
                last_id=now_ms() * 1000,
            )
        try:
            state = self._decode(row[0])
        except msgspec.DecodeError:
            return AccountState(
                boot=self._boot,
                hold_until_ms=now_ms() + self._window_ms,
                last_id=now_ms() * 1000,
            )
        if state.boot != self._boot:
            state.restart(self._boot, now_ms())
        return state

    def _tell(self, former_id: str) -> None:
        """Tell the new file what this process last saw in the former one."""
        connection = self._connection
        assert connection is not None
        known, self._known = self._known, {}
        connection.execute("BEGIN IMMEDIATE")
        try:
            for account, (text, seen_ms) in known.items():
                state = self._load(connection, account)
                unite(state, self._decode(text), former_id, seen_ms)
                connection.execute(_WRITE, (account, self._encode(state).decode()))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._known = known
            raise


def _hint(name: str) -> str:
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "Another program keeps it locked: close what has it open and start again."
    if name == "SQLITE_FULL":
        return "The disk is full: make room and start again."
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return "Make the file and its folder writable, or set GIVLAKE_DATA to one that is."
    return "Check the disk; the file may be deleted, it holds no data of yours."
