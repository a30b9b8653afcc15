"""What a shared budget needs of the place where it is stored, whichever that is.

A store keeps one state per account, and beside them leases, past minutes and identities. It also
says what time it is and which processes live: both must be the same for all who share it.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from givenergy.budget.state import AccountState, MinuteCount

__all__ = ["AT_ONCE", "Cursor", "LeaseRow", "Store", "Transaction"]

# For `hurry`: no server is waited for.
AT_ONCE = threading.Event()
AT_ONCE.set()
_T = TypeVar("_T")


class Cursor(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> Any:
        """Return the next row; None if there is none."""

    def fetchall(self) -> Sequence[Any]:
        """Return the rows that are left."""


class LeaseRow(msgspec.Struct, frozen=True):
    """A lease as it is stored: who has it until when."""

    holder: str
    id: int
    expires_ms: int


class Transaction(ABC):
    """What is stored beside an account's state, within a transaction or a read.

    The statements are those that SQLite and PostgreSQL understand alike.
    """

    @abstractmethod
    def execute(self, statement: str, values: Sequence[object] = ()) -> Cursor:
        """Run a statement with `?` in place of its values."""

    @abstractmethod
    def now_ms(self) -> int:
        """Return the time, in milliseconds of the store's clock."""

    @abstractmethod
    def wall_clock_s(self) -> float:
        """Return the time of day, in seconds since 1970."""

    @abstractmethod
    def is_alive(self, holder: str) -> bool | None:
        """Return whether a process is alive; None if that cannot be determined from here."""

    @abstractmethod
    def change(self, account: str, change: Callable[[AccountState], _T]) -> _T:
        """Change the state of another account as well."""

    def lease(self, account: str, key: str) -> LeaseRow | None:
        """Return the lease on `key`, whether it has expired or not."""
        row = self.execute(
            "SELECT holder, id, expires_ms FROM leases WHERE account = ? AND key = ?",
            (account, key),
        ).fetchone()
        return None if row is None else LeaseRow(*row)

    def put_lease(self, account: str, key: str, lease: LeaseRow) -> None:
        """Store a lease in place of any other on `key`."""
        self.execute(
            "INSERT INTO leases (account, key, holder, id, expires_ms) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (account, key) DO UPDATE SET holder = excluded.holder, "
            "id = excluded.id, expires_ms = excluded.expires_ms",
            (account, key, lease.holder, lease.id, lease.expires_ms),
        )

    def renew_lease(self, account: str, key: str, lease: LeaseRow) -> bool:
        """Store a lease unless another on `key` has taken its place; return whether it did."""
        renewed = self.execute(
            "INSERT INTO leases (account, key, holder, id, expires_ms) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (account, key) DO UPDATE "
            "SET expires_ms = excluded.expires_ms WHERE leases.id = excluded.id",
            (account, key, lease.holder, lease.id, lease.expires_ms),
        )
        return renewed.rowcount > 0

    def delete_lease(self, account: str, key: str, id_: int) -> None:
        """Delete a lease, unless another has taken its place."""
        self.execute(
            "DELETE FROM leases WHERE account = ? AND key = ? AND id = ?", (account, key, id_)
        )

    def minutes(self, account: str, after: int) -> Sequence[tuple[int, int, int, int, int]]:
        """Return the past minutes later than `after`: number, sent, failed, limited, others."""
        return self.execute(
            "SELECT minute, sent, failed, rate_limited, others FROM minutes "
            "WHERE account = ? AND minute > ?",
            (account, after),
        ).fetchall()

    def add_minute(self, account: str, past: MinuteCount, *, oldest: int) -> None:
        """Add the counts of a past minute, and delete minutes before `oldest`."""
        self.execute(
            "INSERT INTO minutes (account, minute, sent, failed, rate_limited, others) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, minute) DO UPDATE SET "
            "sent = minutes.sent + excluded.sent, failed = minutes.failed + excluded.failed, "
            "rate_limited = minutes.rate_limited + excluded.rate_limited, "
            "others = minutes.others + excluded.others",
            (account, past.minute, past.sent, past.failed, past.rate_limited, past.others),
        )
        self.execute("DELETE FROM minutes WHERE account = ? AND minute < ?", (account, oldest))

    def identity(self, token_hash: str) -> tuple[str, str | None] | None:
        """Return the (account id, time zone) of a token's hash, None if there is none."""
        row = self.execute(
            "SELECT account_id, timezone FROM identities WHERE token_hash = ?", (token_hash,)
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def put_identity(self, token_hash: str, account_id: str, timezone: str | None) -> None:
        """Store which account a token belongs to."""
        self.execute(
            "INSERT INTO identities (token_hash, account_id, timezone) VALUES (?, ?, ?) "
            "ON CONFLICT (token_hash) DO UPDATE SET account_id = excluded.account_id, "
            "timezone = excluded.timezone",
            (token_hash, account_id, timezone),
        )

    def account_ids(self) -> list[str]:
        """Return the ids of the accounts that tokens were found to belong to."""
        rows = self.execute("SELECT DISTINCT account_id FROM identities").fetchall()
        return [account_id for (account_id,) in rows if account_id]

    def forget(self, account: str, belongs: Callable[[str, str], bool]) -> None:
        """Delete an account, and the tokens' hashes of which `belongs` says that they are its.

        Args:
            account: Key of the account.
            belongs: Called with a token's hash and the account id stored for it.
        """
        rows = self.execute("SELECT token_hash, account_id FROM identities").fetchall()
        for token_hash, account_id in rows:
            if belongs(token_hash, account_id):
                self.execute("DELETE FROM identities WHERE token_hash = ?", (token_hash,))
        for table in ("accounts", "leases", "minutes"):
            self.execute(f"DELETE FROM {table} WHERE account = ?", (account,))

    def forget_leases(self, names: Iterable[str]) -> None:
        """Delete the leases whose keys contain one of some names."""
        for name in names:
            pattern = name.replace("!", "!!").replace("%", "!%").replace("_", "!_")
            self.execute("DELETE FROM leases WHERE key LIKE ? ESCAPE '!'", (f"%{pattern}%",))


class Store(Protocol):
    """Transactions on the state of accounts, for the threads of this process.

    Attributes:
        noticed_at_ms: When every process that used a lost store has noticed this one.
        grant_lasts_ms: How long after a grant its request may be sent; later, the slot may have
            been given away.
    """

    noticed_at_ms: int
    grant_lasts_ms: int

    @property
    def store_id(self) -> str:
        """Identifies what is stored: another one has lost the leases of the former."""

    def transact(
        self,
        account: str,
        change: Callable[[AccountState, Transaction], _T],
        cancelled: threading.Event | None = None,
        hurry: threading.Event | None = None,
    ) -> _T:
        """Run `change` on the account's state while no other process can, and store the result.

        Args:
            account: Key of the account.
            change: Called with the state, possibly several times.
            cancelled: Ends every wait when set.
            hurry: A server that does not answer is not waited for any more when set.

        Raises:
            BudgetStoreError: If the store cannot be used.
            CancelledError: If `cancelled` is set while the store must be waited for.
        """

    def change_rows(self, change: Callable[[Transaction], _T]) -> _T:
        """Run `change` on what is stored beside the states.

        Raises:
            BudgetStoreError: As for `transact`.
        """

    def read(self, account: str, look: Callable[[AccountState, Transaction], _T]) -> _T:
        """Run `look` on the account's state; changes made there are not stored.

        Raises:
            BudgetStoreError: As for `transact`.
        """

    def now_ms(self) -> int:
        """Return the time, in milliseconds of the store's clock."""

    def holder(self) -> str:
        """Return this process' identity, by which it holds requests and leases."""

    def alive_until_ms(self) -> int:
        """Return until when no other process takes this one for dead."""

    def keep_up(self, account: str) -> None:
        """Do what must be done twice a second: say that this process lives, keep its hold.

        Raises:
            BudgetStoreError: As for `transact`.
        """

    def close(self) -> None:
        """Close the store."""
