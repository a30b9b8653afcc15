"""Accounts and which account may access which.

Belongs here: the first account's type and its children, finding accounts by id or name. Does not
belong here: what is installed at an account (`installations`).
"""

from collections.abc import Iterable
from dataclasses import replace

from simulator.config import AccountType, SimulatorConfig
from simulator.world.installations import SimulatedAccount, build_account

_FIRST_CHILD = 1_001
_FIRST_SITE = 70_000
_RANKS: dict[AccountType, int] = {"customer": 0, "engineer": 1, "company": 2}


class AccountHierarchy:
    """All accounts of a simulator by number: those that tokens name, and children."""

    def __init__(self, config: SimulatorConfig) -> None:
        """Build all accounts; only that of the first token has children."""
        children = range(_FIRST_CHILD, _FIRST_CHILD + config.children)
        named = {grant.account for grant in config.tokens}
        child = replace(
            config,
            inverters=config.child_inverters,
            gateways=0,
            gone=0,
            ems=0,
            odd_devices=False,
        )
        self.by_number: dict[int, SimulatedAccount] = {
            number: build_account(child if number in children else config, number)
            for number in sorted(named | set(children))
        }
        self.first_account = self.by_number[config.tokens[0].account]
        self.first_account.kind = config.account_type
        self.first_account.children = children
        if config.account_type == "company" and children:
            foreman = self.by_number[children[0]]
            foreman.kind = "engineer"
            foreman.profile["role"] = "SUB_CONTRACTOR"
            foreman.children = children[1:]
        self._by_name = {a.profile["name"]: a for a in self.by_number.values()}
        self._by_id = {a.id: a for a in self.by_number.values()}

    def is_child(self, number: int) -> bool:
        """Return whether an account is one of the first account's children."""
        return number in self.first_account.children

    def __getitem__(self, account_id: str) -> SimulatedAccount:
        """Return the account with this id. Raises `KeyError` for an unknown one."""
        if account_id not in self._by_id:
            raise KeyError(f"The simulator has no account {account_id!r}.")
        return self._by_id[account_id]

    def by_id(self, account_id: str) -> SimulatedAccount | None:
        """Return the account with this id."""
        return self._by_id.get(account_id)

    def by_name(self, name: str) -> SimulatedAccount | None:
        """Return the account with this username."""
        return self._by_name.get(name)

    def by_site(self, site_id: str) -> SimulatedAccount | None:
        """Return the account of the site with this id."""
        if not (site_id.isascii() and site_id.isdigit()):
            return None
        return self.by_number.get(int(site_id) - _FIRST_SITE)

    def children_of(self, account: SimulatedAccount) -> Iterable[SimulatedAccount]:
        """Return the accounts that an account has access to, in the order of listing."""
        return (self.by_number[number] for number in account.children)

    def may_access(self, account: SimulatedAccount, number: int) -> bool:
        """Return whether an account may access what belongs to the one with this number."""
        return number == account.number or (
            is_at_least(account, "engineer") and number in account.children
        )


def site_id_of(account: SimulatedAccount) -> int:
    """Return the id of an account's one site."""
    return _FIRST_SITE + account.number


def is_at_least(account: SimulatedAccount, kind: AccountType) -> bool:
    """Return whether an account is of this type or above it."""
    return _RANKS[account.kind] >= _RANKS[kind]
