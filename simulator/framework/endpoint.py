"""An endpoint of the API and a call of it.

Belongs here: what an endpoint declares, access checks and responses that endpoints share. Does not
belong here: tokens, limits and faults, which are the same for all (`simulator.api`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.framework.listings import ListingRegistry
from simulator.framework.page_envelope import PageRequest, page_body
from simulator.http.messages import ApiError, HttpRequest, HttpResponse, json_response
from simulator.world.account_hierarchy import is_at_least
from simulator.world.cloud_state import CloudState
from simulator.world.installations import SimulatedAccount, SimulatedDevice


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request that has passed token, limit and scope. `parameters` are those of the path."""

    state: CloudState
    listings: ListingRegistry
    account: SimulatedAccount
    request: HttpRequest
    parameters: Mapping[str, str]

    @property
    def url(self) -> str:
        """The requested address without query, as `meta.path` shows it."""
        return self.state.links_base + self.request.path.removeprefix("/v1")

    def filters(self, *names: str) -> dict[str, Any]:
        """Return these parameters of a GET, as far as they are given.

        Later versions of the API declare them as a JSON body; a body goes before the query, as in
        the framework of the API.
        """
        given: Mapping[str, Any] = self.request.query
        if self.state.config.has_version("1.35"):
            given = {**given, **self.request.json_object()}
        return {name: given[name] for name in names if name in given}

    def array(self, name: str) -> Any:
        """Return a list parameter of a GET as it was given; None if it is missing."""
        return self.filters(name).get(name) or self.request.array(name)

    def json(self, payload: object, *, as_text: bool = False) -> HttpResponse:
        """Return a response with a JSON body.

        Args:
            payload: The body.
            as_text: Whether later versions of the API declare it as plain text.
        """
        response = json_response(200, payload)
        if as_text and self.state.config.has_version("1.35"):
            return replace(response, content_type="text/plain; charset=UTF-8")
        return response

    def accessible(self, device: SimulatedDevice | None) -> SimulatedDevice:
        """Return the device if this account may access it. Raises `ApiError` 404 or 403."""
        if device is None:
            raise ApiError.not_found()
        self.check_access(device.account)
        return device

    def accessible_account(self, account: SimulatedAccount | None) -> SimulatedAccount:
        """Return the account if this one may access it. Raises `ApiError` 404 or 403."""
        if account is None:
            raise ApiError.not_found()
        self.check_access(account.number)
        return account

    def check_access(self, account: int) -> None:
        """Raise `ApiError` 403 unless this account may access what belongs to that one."""
        if not self.state.hierarchy.may_access(self.account, account):
            raise ApiError.unauthorized()

    def inverter_with_data(self) -> SimulatedDevice:
        """Return the inverter in the path. Raises `ApiError` 404 if unknown or removed, 403."""
        device = self.accessible(self.state.find_inverter(self.parameters["serial"]))
        if not device.has_data:
            raise ApiError.not_found()
        return device

    def page(self, listing: str, device_id: str, **parameters: Any) -> HttpResponse:
        """Return one page of a listing. Raises `ApiError` 422 for a wrong page or parameter."""
        page = PageRequest.of(self.request.query, self.state.config.page_size_cap(listing))
        rows = self.listings.rows(listing, device_id, **parameters)
        return HttpResponse(200, page_body(rows, page, self.url))

    def one(self, listing: str, device_id: str) -> HttpResponse:
        """Return the only row of a listing as `data`. Raises `ApiError` 404 if there is none."""
        rows = self.listings.rows(listing, device_id)
        if not rows:
            raise ApiError.not_found()
        return json_response(200, {"data": rows[0]})


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """One method and path.

    Attributes:
        method: HTTP method.
        path: Path below /v1, with `{name}` for a parameter.
        scope: Scopes that a token needs, separated by spaces.
        handle: Returns the response to a call.
        own_limit: Requests and seconds, if the endpoint does not count globally.
        reads: False for what writes or commands: each such request is noted as a violation.
        asks_device: Whether it reaches the device although it only reads (counted apart).
        name: Name of its listing, by which `unavailable` in the settings refers to it.
        since: Version of the API that added it.
        account_type: "any", "customer only", "engineer+" or "company+".
    """

    method: str
    path: str
    scope: str
    handle: Callable[[ApiCall], HttpResponse]
    own_limit: tuple[int, float] | None = None
    reads: bool = True
    asks_device: bool = False
    name: str = ""
    since: str = "1.26"
    account_type: str = "any"

    @property
    def scopes(self) -> frozenset[str]:
        """All the scopes that a token needs."""
        return frozenset(self.scope.split())

    def admits(self, account: SimulatedAccount) -> bool:
        """Return whether the account's type may use the endpoint."""
        if self.account_type == "customer only":
            return account.kind == "customer"
        if self.account_type == "engineer+":
            return is_at_least(account, "engineer")
        return self.account_type == "any" or is_at_least(account, "company")

    def pattern(self) -> re.Pattern[str]:
        """Return the pattern of the whole path, /v1 included."""
        return re.compile("/v1" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))
