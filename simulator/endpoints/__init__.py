"""The API's endpoints, one module each; a module placed here is served without further ado.

A module defines ``ENDPOINTS``, a tuple of ``Endpoint``, and may define ``LISTINGS``: what makes the
listings behind them, by name (``simulator.listings``). Belongs here: which parameters an endpoint
takes, what it checks and answers. Does not belong here: tokens, limits and faults, which are the
same for all (``simulator.api``).
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.accounts import is_at_least
from simulator.answers import Answer, ApiError, json_answer
from simulator.devices import Account, Device
from simulator.http_request import Request
from simulator.listings import Listing
from simulator.paging import PageWish, page_of_rows
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed token, limit and scope."""

    world: World
    account: Account
    request: Request
    parameters: Mapping[str, str]

    @property
    def url(self) -> str:
        """The address of what was asked for, without parameters, as ``meta.path`` shows it."""
        return self.world.links_base + self.request.path.removeprefix("/v1")

    def owned(self, device: Device | None) -> Device:
        """The device if this account may see it. Raises ``ApiError`` 404 or 403 otherwise."""
        if device is None:
            raise ApiError(404, "The requested resource could not be found.")
        self.permit(device.account)
        return device

    def permit(self, account: int) -> None:
        """Raises ``ApiError`` 403 unless this account may see what belongs to that one."""
        if not self.world.family.may_see(self.account, account):
            raise ApiError(403, "This action is unauthorized.")

    def inverter_with_data(self) -> Device:
        """The inverter in the path. Raises ``ApiError`` 404 for one unknown or gone, 403."""
        device = self.owned(self.world.inverter(self.parameters["serial"]))
        if not device.has_data:
            raise ApiError(404, "The requested resource could not be found.")
        return device

    def page(self, listing: str, device_id: str, **parameters: Any) -> Answer:
        """One page of a listing. Raises ``ApiError`` 422 for a wrong page or parameter."""
        wish = PageWish.of(self.request.query, self.world.config.page_size_cap(listing))
        rows = self.world.listings.rows(listing, device_id, **parameters)
        return Answer(200, page_of_rows(rows, wish, self.url))

    def one(self, listing: str, device_id: str) -> Answer:
        """The only row of a listing as ``data``. Raises ``ApiError`` 404 where there is none."""
        rows = self.world.listings.rows(listing, device_id)
        if not rows:
            raise ApiError(404, "The requested resource could not be found.")
        return json_answer(200, {"data": rows[0]})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path.

    ``path`` is below /v1 with ``{name}`` for a parameter. ``own_limit`` is (requests, seconds)
    where the endpoint does not count globally. ``reads`` is False for whatever writes or commands:
    the simulator notes each such request as a violation. ``name`` is what ``unavailable`` in the
    settings calls it: the name of its listing. ``scope`` may be several, separated by spaces;
    ``account_type`` is "any", "customer only", "engineer+" or "company+".
    """

    method: str
    path: str
    scope: str
    handle: Callable[[Call], Answer]
    own_limit: tuple[int, float] | None = None
    reads: bool = True
    name: str = ""
    account_type: str = "any"

    @property
    def scopes(self) -> frozenset[str]:
        """All the scopes that a token needs."""
        return frozenset(self.scope.split())

    def admits(self, account: Account) -> bool:
        """Whether an account is of a type that may use it."""
        if self.account_type == "customer only":
            return account.kind == "customer"
        if self.account_type == "engineer+":
            return is_at_least(account, "engineer")
        return self.account_type == "any" or is_at_least(account, "company")

    def pattern(self) -> re.Pattern[str]:
        """Matches the whole path, /v1 included."""
        return re.compile("/v1" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))


class Router:
    """Finds the endpoint for a method and path."""

    def __init__(self) -> None:
        """Takes in every module of this package."""
        self._routes: list[tuple[re.Pattern[str], Endpoint]] = []
        self.listings: dict[str, Callable[[World], Listing]] = {}
        for found in pkgutil.iter_modules(__path__, f"{__name__}."):
            module = importlib.import_module(found.name)
            for endpoint in module.ENDPOINTS:
                self._routes.append((endpoint.pattern(), endpoint))
            self.listings |= getattr(module, "LISTINGS", {})

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint and its path parameters. Raises ``ApiError`` 404 or 405."""
        others = []
        for pattern, endpoint in self._routes:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if endpoint.method == method:
                return endpoint, match.groupdict()
            others.append(endpoint.method)
        if others:
            raise ApiError(405, f"{method} is not supported here; use {', '.join(others)}.")
        raise ApiError(404, f"The route {path.lstrip('/')} could not be found.")
