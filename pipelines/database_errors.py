"""Faults of Dagster's database in PostgreSQL, each in one sentence without a password."""

import re

from sqlalchemy.engine import URL

from givenergy.budget.postgres_url import without_password
from pipelines.instance_settings import file_in_use

# libpq repeats the address before its reason.
_LAST_WORDS = "then run the same command again."
_ADDRESS = re.compile(r"^(connection to server .*? failed: |could not connect to server: )")
_NO_RIGHT = "42501"
_WITH_AT = re.compile(r'"[^"]*@[^"]*"')


class DagsterDatabaseError(Exception):
    """PostgreSQL, which keeps Dagster's state, does not serve it; the message says what to do."""


def database_error(address: URL | None, error: BaseException) -> DagsterDatabaseError:
    """Return an error that names the database, what PostgreSQL said, and what to do.

    Args:
        address: The address of the database; None if only what PostgreSQL said may have it.
        error: What the driver or SQLAlchemy raised.
    """
    said = str(getattr(error, "orig", None) or error).strip().splitlines() or ["no reason"]
    reason = said[0].rstrip(".")
    if address is not None:
        reason = without_password(_ADDRESS.sub("", reason), str(address.password or ""))
    # With an @ it is the rest of a password that has one.
    reason = _WITH_AT.sub('"***"', reason)
    name = "PostgreSQL" if address is None else database_name(address)
    advice = (
        f"check that PostgreSQL runs there, and the address, user and password in {file_in_use()}"
    )
    if getattr(getattr(error, "orig", None), "pgcode", None) == _NO_RIGHT:
        advice = (
            "let the database's owner run GRANT CREATE, USAGE ON SCHEMA public TO user in it, with"
            " the name of its user"
        )
    return DagsterDatabaseError(
        f"Dagster's state in {name} cannot be used ({reason}): {advice}. What was fetched is kept;"
        f" {_LAST_WORDS}"
    )


def stated_database_error(text: str) -> DagsterDatabaseError | None:
    """Return the error that Dagster's text about a failed run has; None if it has none."""
    found = re.search(rf"\bDagsterDatabaseError: (.*{re.escape(_LAST_WORDS)})", text)
    return None if found is None else DagsterDatabaseError(found[1])


def database_name(address: URL) -> str:
    """Return the name of a database with host and port, without user and password."""
    host = address.host or address.query.get("host") or "the default host"
    return f"the PostgreSQL database {address.database} at {host}, port {address.port or 5432}"
