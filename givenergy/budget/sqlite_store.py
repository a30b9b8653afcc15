"""The file in which processes share the budget: one SQLite database, one row per account.

A transaction loads an account's state, lets a function change it and writes it back. Nothing here
knows what the state means.

If the file is deleted or damaged while it is in use, the new file grants no request for one
window: every request counted in the lost file is then no longer counted by the server.
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

from givenergy.budget.budget_store import Transaction
from givenergy.budget.clock import boot_id, now_ms
from givenergy.budget.process_identity import own_identity
from givenergy.budget.sqlite_tables import READ, SCHEMA, WRITE, SqliteTransaction, hint
from givenergy.budget.state import AccountState
from givenergy.errors import BudgetStoreError, CancelledError

__all__ = ["SqliteStore"]

VERSION = 1
# How long another program may keep the file locked before that is an error.
LOCKED_PATIENCE_S = 60.0
_MAX_REPAIRS = 10

_T = TypeVar("_T")
# Shorter than the time after which a request in flight counts as ended (`dead_requests`).
_GRANT_LASTS_MS = 600_000
_FOREVER_MS = 1 << 62


class SqliteStore:
    """Transactions on the shared file; safe for threads, processes and forks.

    Args:
        path: The database; created, with its folder, if absent.
        notice_ms: Time within which processes that used a deleted file notice the new one, which
            grants nothing until then.
        window_ms: How long nothing is granted after a file in use was deleted or damaged.

    Attributes:
        path: The database.
        store_id: Identifies the file itself: another file at the same path has another id.
        noticed_at_ms: When every process that used a deleted file has noticed this one.
    """

    grant_lasts_ms = _GRANT_LASTS_MS

    def __init__(self, path: Path, *, notice_ms: int, window_ms: int) -> None:
        self.path = path
        self._notice_ms = notice_ms
        self._window_ms = window_ms
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(AccountState).decode
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._boot = boot_id()
        self._hold_until_ms = 0
        self._holder = (0, "")
        self.store_id = ""
        self.noticed_at_ms = 0
        with self._lock:
            self._guarded(self._open)

    def transact(
        self,
        account: str,
        change: Callable[[AccountState, Transaction], _T],
        cancelled: threading.Event | None = None,
        hurry: threading.Event | None = None,
    ) -> _T:
        """Run `change` on the account's state while no other process can, and store the result.

        Raises:
            BudgetStoreError: If the file cannot be written, or stays locked for a minute.
            CancelledError: If `cancelled` is set while the file is locked.
        """
        return self._in_transaction(
            lambda connection: self.change_in(
                connection, account, lambda state: change(state, self._transaction)
            ),
            cancelled,
        )

    def change_rows(self, change: Callable[[Transaction], _T]) -> _T:
        """Run `change` on what is stored beside the states.

        Raises:
            BudgetStoreError: As for `transact`.
        """
        return self._in_transaction(lambda _: change(self._transaction))

    def _in_transaction(
        self,
        change: Callable[[sqlite3.Connection], _T],
        cancelled: threading.Event | None = None,
    ) -> _T:
        def work() -> _T:
            connection = self._usable()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = change(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return self._guarded(work, cancelled)

    def change_in(
        self, connection: sqlite3.Connection, account: str, change: Callable[[AccountState], _T]
    ) -> _T:
        """Change an account's state within the transaction that is open on `connection`."""
        state = self._load(connection, account)
        result = change(state)
        connection.execute(WRITE, (account, self._encode(state).decode()))
        return result

    def read(self, account: str, look: Callable[[AccountState, Transaction], _T]) -> _T:
        """Run `look` on the account's state; changes made there are not stored.

        Raises:
            BudgetStoreError: As for `transact`.
        """

        def work() -> _T:
            connection = self._usable()
            return look(self._load(connection, account), self._transaction)

        return self._guarded(work)

    def now_ms(self) -> int:
        """Return the milliseconds of the machine's clock."""
        return now_ms()

    def holder(self) -> str:
        """Return this process' identity, determined once per process."""
        if self._holder[0] != os.getpid():
            self._holder = (os.getpid(), own_identity())
        return self._holder[1]

    def alive_until_ms(self) -> int:
        """Return a time that never comes: a living process is seen among those of the machine."""
        return _FOREVER_MS

    def keep_up(self, account: str) -> None:
        """Store the hold that this process set because its file was deleted or damaged.

        Raises:
            BudgetStoreError: As for `transact`.
        """

        def held() -> bool:
            self._usable()
            return self._hold_until_ms > now_ms()

        if self._guarded(held):
            self.transact(account, lambda *_: None)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _guarded(self, work: Callable[[], _T], cancelled: threading.Event | None = None) -> _T:
        """Run `work`; wait while the file is locked, repair what can be repaired."""
        if self._pid != os.getpid():
            # A fork may have copied the lock while another thread held it, and the connection is
            # the parent's: drop it unclosed.
            self._pid = os.getpid()
            self._lock = threading.RLock()
            self._connection = None
        deadline = time.monotonic() + LOCKED_PATIENCE_S
        repairs = 0
        while True:
            try:
                with self._lock:
                    return work()
            except sqlite3.Error as error:
                name = getattr(error, "sqlite_errorname", "")
                if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                    if cancelled is not None and cancelled.is_set():
                        raise CancelledError(
                            "Cancelled while waiting for the request budget."
                        ) from None
                    if time.monotonic() < deadline:
                        continue
                elif repairs < _MAX_REPAIRS and self._repair(name):
                    repairs += 1
                    time.sleep(0.01 * repairs)
                    continue
                raise BudgetStoreError(
                    f"The request budget in {self.path} cannot be used: {error}.",
                    hint=hint(name),
                ) from error
            except OSError as error:
                # Deleted while it was opened.
                if isinstance(error, FileNotFoundError) and repairs < _MAX_REPAIRS:
                    repairs += 1
                    time.sleep(0.01 * repairs)
                    continue
                raise BudgetStoreError(
                    f"The request budget in {self.path} cannot be used: {error.strerror}.",
                    hint="Make its folder writable, or set GIVLAKE_DATA to one that is.",
                ) from error

    def _repair(self, name: str) -> bool:
        """Return whether another try can help after an SQLite error of this name."""
        if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
            with self._lock:
                self._set_aside()
            return True
        # A file deleted under an open connection, or while it is opened, shows in several ways.
        return name == "SQLITE_READONLY_DBMOVED" or self._replaced()

    def _set_aside(self) -> None:
        """Rename a damaged file, unless another process has done so, and start a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if not self._replaced():
            stamp = f"damaged-{int(time.time())}"
            for suffix in ("", "-journal"):
                file = Path(f"{self.path}{suffix}")
                if file.exists():
                    file.replace(f"{self.path}.{stamp}{suffix}")
        self._open(lost=True)

    def _replaced(self) -> bool:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - called for every grant
        except FileNotFoundError:
            return True
        return (found.st_dev, found.st_ino) != self._inode

    def _usable(self) -> sqlite3.Connection:
        """Return the connection to the file that is now at the path."""
        if self._connection is None or self._replaced():
            lost = self._connection is not None
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._open(lost=lost)
        assert self._connection is not None
        return self._connection

    def _open(self, *, lost: bool = False) -> None:
        """Open the file; `lost` says that the one used before was deleted or damaged."""
        if lost:
            # Before anything that can fail: the next try must not forget it.
            self._hold_until_ms = now_ms() + self._window_ms
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        found = os.fstat(file)
        os.close(file)
        self._inode = (found.st_dev, found.st_ino)
        connection = sqlite3.connect(
            self.path, timeout=1.0, isolation_level=None, check_same_thread=False
        )
        try:
            # Not WAL: its side files, found by name, would join a deleted file to the next one. No
            # fsync: a file damaged by a power cut is replaced, and a boot begins with a hold.
            connection.execute("PRAGMA journal_mode = PERSIST")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            noticed_at_ms = now_ms() + self._notice_ms
            connection.executemany(
                "INSERT OR IGNORE INTO meta VALUES (?, ?)",
                [
                    ("store_id", uuid.uuid4().hex),
                    ("boot", self._boot),
                    ("noticed_at_ms", str(noticed_at_ms)),
                    ("hold_until_ms", str(max(noticed_at_ms, self._hold_until_ms))),
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
        if meta["boot"] == self._boot:
            self.noticed_at_ms = int(meta["noticed_at_ms"])
            self._hold_until_ms = max(self._hold_until_ms, int(meta["hold_until_ms"]))
        self._connection = connection
        self._transaction = SqliteTransaction(connection, self.change_in)
        if int(meta["version"]) > VERSION:
            raise BudgetStoreError(
                f"The request budget in {self.path} was written by a newer givlake.",
                hint="Update givlake, or delete the file while nothing uses it.",
            )

    def _load(self, connection: sqlite3.Connection, account: str) -> AccountState:
        # Numbers continue above those of a lost file.
        state = AccountState(boot=self._boot, last_id=now_ms() * 1000)
        row = connection.execute(READ, (account,)).fetchone()
        if row is not None:
            try:
                state = self._decode(row[0])
            except msgspec.DecodeError:
                state.hold_until_ms = now_ms() + self._window_ms
        if state.boot != self._boot:
            state.restart(self._boot, now_ms())
        state.hold_until_ms = max(state.hold_until_ms, self._hold_until_ms)
        return state
