"""A connection to the PostgreSQL database of a shared budget, and what its errors mean."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extensions import parse_dsn

from givenergy.budget.postgres_url import PostgresUrl
from givenergy.errors import BudgetStoreError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

__all__ = [
    "Fault",
    "connect",
    "create_tables",
    "fault_of",
    "has_tables",
    "reason_of",
    "store_error",
]

# A process that is paused within a transaction must not keep the others waiting.
_SESSION = """
SET search_path = givlake_budget;
SET synchronous_commit = off;
SET lock_timeout = '1s';
SET idle_in_transaction_session_timeout = '5s';
"""
# Servers in other languages say it otherwise: there the wait for a server that is away comes first.
_REFUSALS = (
    "does not exist",
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "not permitted to log in",
    "permission denied",
    "root certificate file",
    "SSL was required",
    "invalid port number",
    "invalid integer value",
    "invalid sslmode",
)
_SHARED_LOCK = "SELECT pg_advisory_xact_lock(hashtext('givlake_budget'))"
_EXISTS = "SELECT to_regclass('givlake_budget.server') IS NOT NULL"


class Fault(Enum):
    """What an error of the database means for the transaction."""

    BUSY = auto()
    """Another transaction was in the way: try again."""
    AWAY = auto()
    """The server does not answer, or has closed the connection: connect again."""
    GONE = auto()
    """The tables are not there (any more): create them."""
    LASTING = auto()
    """Somebody must change something."""


def connect(where: PostgresUrl, *, is_read_only: bool) -> Connection:
    """Open a connection; each statement is a transaction unless one is begun.

    Args:
        where: The database.
        is_read_only: Whether a standby will do.

    Raises:
        BudgetStoreError: The address is not valid.
        psycopg2.Error: The server is away, or refuses.
    """
    try:
        options: dict[str, Any] = parse_dsn(where.dsn)
    except psycopg2.ProgrammingError:
        # Its message would show parts of the password.
        raise BudgetStoreError(
            "The address of the request budget is not valid.",
            hint="Use postgresql://user:password@host:5432/database; special characters of a "
            "password are written as %40 and so on.",
        ) from None
    patience = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2,
                "keepalives_count": 3, "tcp_user_timeout": 10_000}  # fmt: skip
    # During a failover a standby counts as a server that is away.
    kind = {"target_session_attrs": "any" if is_read_only else "read-write"}
    connection = psycopg2.connect(**{"application_name": "givlake", **patience, **kind, **options})
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(_SESSION)
    except BaseException:
        connection.close()
        raise
    return connection


def has_tables(connection: Connection) -> bool:
    """Return whether the tables exist, and forbid changes on the connection."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET default_transaction_read_only = on; {_EXISTS}")
        return bool(cursor.fetchone() == (True,))


def create_tables(connection: Connection) -> None:
    """Create the tables unless they exist; whoever comes first does it."""
    with connection.cursor() as cursor:
        cursor.execute(_EXISTS)
        if cursor.fetchone() == (True,):
            return
        cursor.execute(f"BEGIN; {_SHARED_LOCK}")
        try:
            cursor.execute(_EXISTS)
            if cursor.fetchone() != (True,):
                # With a schema that was made for it, the user needs no right in the database.
                cursor.execute("SELECT to_regnamespace('givlake_budget') IS NULL")
                if cursor.fetchone() == (True,):
                    cursor.execute("CREATE SCHEMA givlake_budget")
                statements = Path(__file__).with_name("postgres_tables.sql")
                cursor.execute(statements.read_text(encoding="utf-8"))
            cursor.execute("SET LOCAL synchronous_commit = on; COMMIT")
        except BaseException:
            if not connection.closed:
                cursor.execute("ROLLBACK")
            raise


def fault_of(error: Exception) -> Fault:
    """Return what an error of psycopg2 means."""
    code = getattr(error, "pgcode", None) or ""
    if code.startswith("40") or code == "55P03":
        return Fault.BUSY
    if code in ("42P01", "3F000"):
        return Fault.GONE
    if code.startswith(("57P", "08", "25P03", "53300")):
        return Fault.AWAY
    if not code and isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return Fault.LASTING if any(text in str(error) for text in _REFUSALS) else Fault.AWAY
    return Fault.LASTING


def store_error(error: Exception, where: PostgresUrl) -> BudgetStoreError:
    """Return the error for people of one that lasts."""
    code = getattr(error, "pgcode", None)
    hint = "Check GIVLAKE_BUDGET_URL, or ask who runs the database."
    if code == "42501":
        hint = (
            "Give it a schema that its user owns: CREATE SCHEMA givlake_budget AUTHORIZATION "
            "user, run in that database by its owner."
        )
    elif code == "25006":
        hint = "It is a standby: use the address of the primary server."
    elif code in ("53100", "53200"):
        hint = "The server has no room left: make room and start again."
    return BudgetStoreError(
        f"The request budget in {where} cannot be used: {reason_of(error, where)}.", hint=hint
    )


def reason_of(error: Exception, where: PostgresUrl) -> str:
    """Return what an error says, without details and without the password."""
    lines = str(error).strip().splitlines()
    return where.hide_in(lines[0].strip().rstrip(".")) if lines else type(error).__name__
