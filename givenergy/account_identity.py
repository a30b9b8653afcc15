"""Find out which account a token belongs to: the key of the shared budget.

All tokens of an account share its budget, so the account must be known before the budget can be
used. It is requested once per token and stored beside the budget, under a hash of the token; the
token itself is never written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from givenergy.budget.shared_budget import SharedRequestBudget
from givenergy.budget.store_location import StoreLocation
from givenergy.endpoints.account_endpoints import ACCOUNT
from givenergy.errors import CancelledError, ForbiddenError, GivEnergyError
from givenergy.json_decoding import decode_json
from givenergy.time_zones import usable_zone

if TYPE_CHECKING:
    from givenergy.client import Client

__all__ = [
    "AccountIdentity",
    "account_key",
    "forget_identity",
    "known_account_id",
    "resolve_account",
]

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class AccountIdentity:
    """The identity of an account.

    Attributes:
        account_id: The API's id of the account as text; "" if the token may not read it.
        timezone: IANA name of the account's zone, None if unknown.
        token_hash: Hash of base URL and token.
        budget_key: Key of the account's request budget.
        token_key: Key of the budget of the token alone, which is used while the account is unknown.
        sent_timezone: What the API sent as the zone, as JSON, if this identity was just requested
            and the zone is not an IANA name; else None.
        requested: Whether the API has just sent the account.
    """

    account_id: str
    timezone: str | None
    token_hash: str
    budget_key: str
    token_key: str
    sent_timezone: str | None = field(default=None, compare=False)
    requested: bool = field(default=False, compare=False)


class _Account(msgspec.Struct):
    # Of any type: they are checked before they are used.
    id: Any = None
    standard_timezone: Any = None


def account_key(base_url: str, account_id: str) -> str:
    """Return the key of an account's budget: a hash of base URL and account id."""
    return _hash(base_url.rstrip("/"), "account", account_id)[:32]


def resolve_account(
    *,
    base_url: str,
    token: str,
    store: StoreLocation,
    open_client: Callable[[SharedRequestBudget], Client],
    is_due: Callable[[str | None], bool] = lambda zone: False,
) -> AccountIdentity:
    """Return the account of a token: from the store, or by one request if the token is new.

    Args:
        base_url: Address of the API.
        token: The token.
        store: Where the request budget is.
        open_client: Opens the client for the request; its budget is that of the token alone, as
            the account is not known yet. The client is closed here.
        is_due: Whether to request a known account again, given its zone. If that fails, what is
            known stays.

    Returns:
        The identity. If the token lacks the scope `api:account:read`, or the API sends no usable
        id, it has no account id, and its budget is shared only by processes with the same token.

    Raises:
        GivEnergyError: As `Client.fetch`, except for the missing scope.
    """
    token_hash = _hash(base_url.rstrip("/"), "token", token)
    token_key = account_key(base_url, f"token-{token_hash}")

    def identity(account_id: str, zone: str | None) -> AccountIdentity:
        key = account_key(base_url, account_id) if account_id else token_key
        return AccountIdentity(account_id, zone, token_hash, key, token_key)

    budget = SharedRequestBudget(store, account=token_key)
    try:
        stored = budget.identity(token_hash)
        # An earlier version stored zones as the API sent them.
        known = None if stored is None else identity(stored[0], usable_zone(stored[1]))
        if known is not None and not is_due(known.timezone):
            return known
        client = open_client(budget)
        try:
            account = _account_in(client.fetch(ACCOUNT).pages[0].body)
        except CancelledError:
            raise
        except GivEnergyError as error:
            if known is not None:
                return known
            if not isinstance(error, ForbiddenError):
                raise
            # A token keeps the scopes it was created with: another request would fail too.
            budget.remember_identity(token_hash, "", None)
            return identity("", None)
        finally:
            client.close()
        zone = usable_zone(account.standard_timezone)
        sent = None if zone else _as_json(account.standard_timezone)
        account_id = _usable_id(account.id)
        if known is not None:
            # A zone that the account had is more likely than the default.
            account_id, zone = account_id or known.account_id, zone or known.timezone
        found = identity(account_id, zone)
        if found.budget_key != token_key:
            budget.move_requests_to(found.budget_key)
        budget.remember_identity(token_hash, account_id, zone)
        return replace(found, sent_timezone=sent, requested=True)
    finally:
        budget.close()


def _account_in(body: bytes) -> _Account:
    """Return the account in a response; one without values if there is none."""
    data = decode_json(body).get("data")
    return msgspec.convert(data, _Account) if isinstance(data, dict) else _Account()


def _usable_id(value: object) -> str:
    """Return an account's id as text; "" if it cannot identify an account."""
    is_id = isinstance(value, int | str) and not isinstance(value, bool)
    return str(value).strip() if is_id else ""


def _as_json(value: object) -> str:
    """Return a value as it was sent, shortened."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def known_account_id(store: StoreLocation, base_url: str, key: str) -> str | None:
    """Return the id of an account that a token was found to belong to; None if it is not stored.

    Args:
        store: Where the request budget is.
        base_url: Address of the API.
        key: The account's key.

    Raises:
        BudgetStoreError: The store cannot be used.
    """
    if isinstance(store, Path) and not store.exists():
        return None
    with closing(SharedRequestBudget(store, account=key)) as budget:
        ids = budget.account_ids()
    return next((each for each in ids if account_key(base_url, each) == key), None)


def forget_identity(store: StoreLocation, base_url: str, key: str) -> None:
    """Remove an account and the hashes of its tokens; its next use requests it again.

    Args:
        store: Where the request budget is.
        base_url: Address of the API.
        key: The account's key.

    Raises:
        BudgetStoreError: The store cannot be used.
    """
    if isinstance(store, Path) and not store.exists():
        return

    def belongs(token_hash: str, account_id: str) -> bool:
        return account_key(base_url, account_id or f"token-{token_hash}") == key

    with closing(SharedRequestBudget(store, account=key)) as budget:
        budget.forget(belongs)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
