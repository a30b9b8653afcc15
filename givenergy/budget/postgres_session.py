"""A connection to PostgreSQL that is opened again when it breaks, and waited for."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import psycopg2

from givenergy.budget.postgres_connection import (
    Fault,
    connect,
    create_tables,
    fault_of,
    has_tables,
    reason_of,
    store_error,
)
from givenergy.budget.postgres_url import PostgresUrl
from givenergy.errors import BudgetAwayError, CancelledError, NoBudgetError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

__all__ = ["OtherTablesError", "PostgresSession"]

# How long a server that does not answer is waited for before that is an error.
AWAY_PATIENCE_S = 60.0
_RETRY_S = 0.5
_MAX_REPAIRS = 10
# Nothing is said of a connection that was closed and can be opened again.
_SAID_AT = 2

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


class OtherTablesError(Exception):
    """The tables are not those that the connection was opened for."""


class PostgresSession:
    """One connection of a process; safe for threads and forks.

    Args:
        where: The database; the tables are created if absent.
        enter: Called with each new connection.
        is_read_only: Whether nothing may be created or changed.

    Attributes:
        is_new: Whether no transaction has ended on the connection yet.
    """

    def __init__(
        self, where: PostgresUrl, enter: Callable[[Connection], None], *, is_read_only: bool
    ) -> None:
        self.is_new = False
        self._where = where
        self._enter = enter
        self._is_read_only = is_read_only
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._connection: Connection | None = None
        self._failures = 0
        self._is_said = False
        self._away_since = 0.0

    def in_transaction(
        self,
        work: Callable[[Connection], _T],
        cancelled: threading.Event | None,
        hurry: threading.Event | None = None,
        *,
        before: Callable[[Connection], object],
    ) -> _T:
        """Run `work`, which begins a transaction and commits it, after `before`; see `run`."""

        def whole(connection: Connection) -> _T:
            before(connection)
            try:
                result = work(connection)
            except BaseException:
                _roll_back(connection)
                raise
            self.is_new = False
            return result

        return self.run(whole, cancelled, hurry=hurry)

    def run(
        self,
        work: Callable[[Connection], _T],
        cancelled: threading.Event | None = None,
        *,
        hurry: threading.Event | None = None,
    ) -> _T:
        """Run `work`, again where a new connection or a little time may help.

        Args:
            work: Called with the connection, possibly several times.
            cancelled: Ends the wait when set.
            hurry: A server that does not answer is not waited for any more when set.

        Raises:
            BudgetAwayError: If the server does not answer for a minute, or until `hurry` is set.
            BudgetStoreError: If it refuses.
            CancelledError: If `cancelled` was set.
        """
        if self._pid != os.getpid():
            # A fork may have copied the lock while another thread held it, and the connection is
            # the parent's: psycopg2 does not close it in a child.
            self._pid = os.getpid()
            self._lock = threading.RLock()
            self._connection = None
        repairs, began = 0, time.monotonic()
        while True:
            error: Exception
            try:
                with self._lock:
                    result = work(self._usable())
                    self._failures, self._is_said = 0, False
                    return result
            except OtherTablesError as caught:
                fault, error = Fault.GONE, caught
            except psycopg2.Error as caught:
                fault, error = fault_of(caught), caught
            if cancelled is not None and cancelled.is_set():
                raise CancelledError("Cancelled while waiting for the request budget.") from None
            if fault is Fault.GONE and repairs < _MAX_REPAIRS:
                repairs += 1
                self.close()
            elif fault is Fault.AWAY:
                self._wait_for_server(error, cancelled, hurry)
            elif fault is not Fault.BUSY or time.monotonic() - began > AWAY_PATIENCE_S:
                raise store_error(error, self._where) from None

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _usable(self) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = connect(self._where, is_read_only=self._is_read_only)
            try:
                if not self._is_read_only:
                    create_tables(connection)
                elif not has_tables(connection):
                    raise NoBudgetError(f"There is no request budget in {self._where} yet.")
                self._enter(connection)
            except BaseException:
                connection.close()
                raise
            self._connection, self.is_new = connection, True
        return self._connection

    def _wait_for_server(
        self,
        error: Exception,
        cancelled: threading.Event | None,
        hurry: threading.Event | None,
    ) -> None:
        # A connection that was closed may be opened again at once.
        was_open = self._connection is not None
        self.close()
        with self._lock:
            self._failures += 1
            failures = self._failures
            if failures == 1:
                self._away_since = time.monotonic()
        reason = reason_of(error, self._where)
        is_hurried = hurry is not None and hurry.is_set() and not was_open
        if is_hurried or time.monotonic() - self._away_since > AWAY_PATIENCE_S:
            raise BudgetAwayError(
                f"The request budget in {self._where} cannot be reached: {reason}.",
                hint="Start PostgreSQL or check the network, then run the same command again.",
            ) from None
        if failures >= _SAID_AT and not self._is_said:
            self._is_said = True
            _LOG.warning(
                "The request budget in %s cannot be reached (%s): waiting for up to %.0f s.",
                self._where,
                reason,
                AWAY_PATIENCE_S,
            )
        pause_s = 0.0 if was_open else _RETRY_S
        if (ends := cancelled or hurry) is None:
            time.sleep(pause_s)
        else:
            ends.wait(pause_s)


def _roll_back(connection: Connection) -> None:
    try:
        connection.cursor().execute("ROLLBACK")
    except psycopg2.Error:
        connection.close()
