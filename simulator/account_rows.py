"""Accounts and sites as listed.

Belongs here: the rows of both. Does not belong here: who may look at them (``endpoints``).
"""

from collections.abc import Sequence
from typing import Any

from simulator.devices import Account
from simulator.listings import Parameters
from simulator.noise import one_uniform
from simulator.world import World

SITE_STATUSES = ("opted_in", "opted_out", "vacant", None)
_FIRST_SITE = 70_000


class AccountProfile:
    """The listing "account": by an account's id, that account."""

    def __init__(self, world: World) -> None:
        """Of all accounts of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """A list of one."""
        return [_account(self._world, device_id).profile]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


class AccountChildren:
    """The listing "account-children": by an account's id, those that it has access to."""

    def __init__(self, world: World) -> None:
        """Of all accounts of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """In the order of their numbers; empty for a customer."""
        family = self._world.family
        return [child.profile for child in family.children_of(_account(self._world, device_id))]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


class Sites:
    """The listing "site": by an account's id its one site, by a site's id that one."""

    def __init__(self, world: World) -> None:
        """Of all accounts of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """A list of one."""
        account = site_account(self._world, device_id)
        return [_site(self._world, account or _account(self._world, device_id))]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


class SiteStatus:
    """The listing "site-status": by a site's id, the whole answer, which has no ``data``."""

    def __init__(self, world: World) -> None:
        """Of all accounts of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """A list of one."""
        account = site_account(self._world, device_id)
        if account is None:
            raise KeyError(f"The simulator has no site {device_id!r}.")
        return [{"status": SITE_STATUSES[account.number % len(SITE_STATUSES)]}]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


def site_account(world: World, site_id: str) -> Account | None:
    """Whose site it is."""
    if not (site_id.isascii() and site_id.isdigit()):
        return None
    return world.accounts.get(int(site_id) - _FIRST_SITE)


def _account(world: World, account_id: str) -> Account:
    account = world.family.by_id(account_id)
    if account is None:
        raise KeyError(f"The simulator has no account {account_id!r}.")
    return account


def _site(world: World, account: Account) -> dict[str, Any]:
    seed, number = world.config.seed, account.number
    created = min((device.commissioned for device in account.devices), default=None)
    return {
        "id": _FIRST_SITE + number,
        "name": f"Invented House {number}",
        "account": account.profile["name"],
        "date_created": created.isoformat() if created else "2022-01-10",
        "country": account.profile["country"],
        "timezone": account.profile["timezone"],
        "tz_timezone": account.profile["standard_timezone"],
        # In the open sea: nobody lives there.
        "latitude": round(45 + one_uniform("latitude", seed, number), 6),
        "longitude": round(-30 - one_uniform("longitude", seed, number), 6),
        "type": "SINGLE_PHASE" if number % 3 else "THREE_PHASE",
        "products": [],
    }
