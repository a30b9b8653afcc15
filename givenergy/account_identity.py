"""Find out which account a token belongs to: the key of the shared budget.

All tokens of an account share its budget, so the account must be known before the budget can be
used. It is requested once per token and stored in the budget's file, under a hash of the token; the
token itself is never written.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from givenergy.budget.sqlite_budget import SqliteRequestBudget
from givenergy.client import Client
from givenergy.endpoints import ACCOUNT
from givenergy.errors import ForbiddenError

__all__ = ["AccountIdentity", "account_key", "forget_identity", "resolve_account"]


@dataclass(frozen=True, slots=True)
class AccountIdentity:
    """The identity of an account.

    Attributes:
        account_id: The API's id of the account as text; "" if the token may not read it.
        timezone: IANA name of the account's zone, None if unknown.
        token_hash: Hash of base URL and token.
        budget_key: Key of the account's request budget.
    """

    account_id: str
    timezone: str | None
    token_hash: str
    budget_key: str


class _Account(msgspec.Struct):
    id: int | str
    standard_timezone: str | None = None


class _AccountBody(msgspec.Struct):
    data: _Account


def account_key(base_url: str, account_id: str) -> str:
    """Return the key of an account's budget: a hash of base URL and account id."""
    return _hash(base_url.rstrip("/"), "account", account_id)[:32]


def resolve_account(
    *,
    base_url: str,
    token: str,
    store: Path,
    open_client: Callable[[SqliteRequestBudget], Client],
) -> AccountIdentity:
    """Return the account of a token: from the file, or by one request if the token is new.

    Args:
        base_url: Address of the API.
        token: The token.
        store: File of the request budget.
        open_client: Opens the client for the request; its budget is that of the token alone, as
            the account is not known yet. The client is closed here.

    Returns:
        The identity. If the token lacks the scope `api:account:read`, it has no account id and
        zone, and its budget is shared only by processes with the same token.

    Raises:
        GivEnergyError: As `Client.fetch`, except for the missing scope.
    """
    token_hash = _hash(base_url.rstrip("/"), "token", token)
    provisional_key = account_key(base_url, f"token-{token_hash}")
    budget = SqliteRequestBudget(store, account=provisional_key)
    try:
        if (known := budget.identity(token_hash)) is not None:
            account_id, zone = known
            key = account_key(base_url, account_id) if account_id else provisional_key
            return AccountIdentity(account_id, zone, token_hash, key)
        client = open_client(budget)
        try:
            page = client.fetch(ACCOUNT).pages[0]
        except ForbiddenError:
            # A token keeps the scopes it was created with: another request would fail too.
            budget.remember_identity(token_hash, "", None)
            return AccountIdentity("", None, token_hash, provisional_key)
        finally:
            client.close()
        account = msgspec.json.decode(page.body, type=_AccountBody).data
        account_id = str(account.id)
        key = account_key(base_url, account_id)
        budget.move_requests_to(key)
        budget.remember_identity(token_hash, account_id, account.standard_timezone)
        return AccountIdentity(account_id, account.standard_timezone, token_hash, key)
    finally:
        budget.close()


def forget_identity(store: Path, base_url: str, key: str) -> None:
    """Remove an account and the hashes of its tokens from the file; its next use requests it again.

    Args:
        store: File of the request budget.
        base_url: Address of the API.
        key: The account's key.
    """
    if not store.exists():
        return
    with closing(sqlite3.connect(store, timeout=60.0)) as connection, connection:
        for token_hash, account_id in connection.execute(
            "SELECT token_hash, account_id FROM identities"
        ).fetchall():
            if account_key(base_url, account_id or f"token-{token_hash}") == key:
                connection.execute("DELETE FROM identities WHERE token_hash = ?", (token_hash,))
        for table in ("accounts", "leases", "minutes"):
            connection.execute(f"DELETE FROM {table} WHERE account = ?", (key,))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
