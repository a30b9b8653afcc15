"""Accounts and who may look into whose.

Belongs here: the first account's type and its children, finding accounts by id or name. Does not
belong here: what is installed at an account (``devices``).
"""

from collections.abc import Iterable
from dataclasses import replace

from simulator.config import AccountType, SimulatorConfig
from simulator.devices import Account, build_account

_FIRST_CHILD = 1_001
_RANKS: dict[AccountType, int] = {"customer": 0, "engineer": 1, "company": 2}


class Accounts:
    """All accounts of a simulator by number: those that tokens name, and children."""

    def __init__(self, config: SimulatorConfig) -> None:
        """The first token's account is the home account, the only one that has children."""
        home = config.tokens[0].account
        children = range(_FIRST_CHILD, _FIRST_CHILD + config.children)
        named = {grant.account for grant in config.tokens}
        child = replace(
            config,
            inverters=config.child_inverters,
            gateways=0,
            gone=0,
            ems=0,
            bare_devices=False,
        )
        self.by_number: dict[int, Account] = {
            number: build_account(child if number in children else config, number)
            for number in sorted(named | set(children))
        }
        self.home = self.by_number[home]
        self.home.kind = config.account_type
        self.home.children = children
        if config.account_type == "company" and children:
            foreman = self.by_number[children[0]]
            foreman.kind = "engineer"
            foreman.profile["role"] = "SUB_CONTRACTOR"
            foreman.children = children[1:]
        self._by_name = {a.profile["name"]: a for a in self.by_number.values()}
        self._by_id = {a.id: a for a in self.by_number.values()}

    def is_child(self, number: int) -> bool:
        """Whether an account is one of the home account's children."""
        return number in self.home.children

    def by_id(self, account_id: str) -> Account | None:
        """The account with this id."""
        return self._by_id.get(account_id)

    def by_name(self, name: str) -> Account | None:
        """The account with this username."""
        return self._by_name.get(name)

    def children_of(self, account: Account) -> Iterable[Account]:
        """The accounts that an account has access to, in the order of listing."""
        return (self.by_number[number] for number in account.children)

    def may_see(self, account: Account, number: int) -> bool:
        """Whether an account may look at what belongs to the one with this number."""
        return number == account.number or (
            is_at_least(account, "engineer") and number in account.children
        )


def is_at_least(account: Account, kind: AccountType) -> bool:
    """Whether an account is of this type or above it."""
    return _RANKS[account.kind] >= _RANKS[kind]
