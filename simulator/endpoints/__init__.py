"""The API's endpoints, one module each; a module placed here is served without further ado.

A module defines ``ENDPOINTS``, a tuple of ``Endpoint``. Belongs here: which parameters an endpoint
takes, what it checks and answers. Does not belong here: tokens, limits and faults, which are the
same for all (``simulator.api``).
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.answers import Answer, ApiError
from simulator.devices import Account, Device
from simulator.http_request import Request
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
        if device.account != self.account.number:
            raise ApiError(403, "This action is unauthorized.")
        return device

    def inverter_with_data(self) -> Device:
        """The inverter in the path. Raises ``ApiError`` 404 for one unknown or gone, 403."""
        device = self.owned(self.world.inverter(self.parameters["serial"]))
        if not device.has_data:
            raise ApiError(404, "The requested resource could not be found.")
        return device


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path.

    ``path`` is below /v1 with ``{name}`` for a parameter. ``own_limit`` is (requests, seconds)
    where the endpoint does not count globally. ``reads`` is False for whatever writes or commands:
    the simulator notes each such request as a violation.
    """

    method: str
    path: str
    scope: str
    handle: Callable[[Call], Answer]
    own_limit: tuple[int, float] | None = None
    reads: bool = True

    def pattern(self) -> re.Pattern[str]:
        """Matches the whole path, /v1 included."""
        return re.compile("/v1" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))


class Router:
    """Finds the endpoint for a method and path."""

    def __init__(self) -> None:
        """Takes in every module of this package."""
        self._routes: list[tuple[re.Pattern[str], Endpoint]] = []
        for module in pkgutil.iter_modules(__path__, f"{__name__}."):
            for endpoint in importlib.import_module(module.name).ENDPOINTS:
                self._routes.append((endpoint.pattern(), endpoint))

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
