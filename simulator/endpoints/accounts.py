"""GET /account, …/{id}, …/search/{username}, …/{id or username}/devices, /account-children, …/{id}.

The contract calls them "Account". Engineers and companies may read other accounts than their own,
and of these only those that they have access to.
"""

from collections.abc import Sequence
from typing import Any

from simulator.endpoints.communication_devices import device_rows
from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import HttpResponse

LISTING = "account"
DEVICES_LISTING = "account-devices"
CHILDREN_LISTING = "account-children"


class AccountListing(SimulatedListing):
    """An account, by its id."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return a list of one."""
        return [self.state.hierarchy[device_id].profile]


class AccountDevicesListing(SimulatedListing):
    """The communication devices of an account, by its id."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the devices in the order of listing."""
        return device_rows(self.state, self.state.hierarchy[device_id].devices)


class AccountChildrenListing(SimulatedListing):
    """The accounts that an account has access to, by its id."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the accounts in the order of their numbers; none for a customer."""
        hierarchy = self.state.hierarchy
        return [child.profile for child in hierarchy.children_of(hierarchy[device_id])]


def _own(call: ApiCall) -> HttpResponse:
    return call.one(LISTING, call.account.id)


def _by_id(call: ApiCall) -> HttpResponse:
    account = call.state.hierarchy.by_id(call.parameters["account"])
    return call.one(LISTING, call.accessible_account(account).id)


def _by_name(call: ApiCall) -> HttpResponse:
    account = call.state.hierarchy.by_name(call.parameters["name"])
    return call.one(LISTING, call.accessible_account(account).id)


def _devices(call: ApiCall) -> HttpResponse:
    hierarchy, key = call.state.hierarchy, call.parameters["account"]
    account = call.accessible_account(hierarchy.by_id(key) or hierarchy.by_name(key))
    return call.page(DEVICES_LISTING, account.id)


def _own_children(call: ApiCall) -> HttpResponse:
    return call.page(CHILDREN_LISTING, call.account.id)


def _children_of(call: ApiCall) -> HttpResponse:
    account = call.state.hierarchy.by_id(call.parameters["account"])
    return call.page(CHILDREN_LISTING, call.accessible_account(account).id)


_READ = "api:account:read"
_LIST = "api:account:list"
_ABOVE = "engineer+"
LISTINGS = {
    LISTING: AccountListing,
    DEVICES_LISTING: AccountDevicesListing,
    CHILDREN_LISTING: AccountChildrenListing,
}
ENDPOINTS = (
    ApiEndpoint("GET", "/account", _READ, _own, name=LISTING),
    ApiEndpoint("GET", "/account/{account}", _READ, _by_id, name=LISTING, account_type=_ABOVE),
    ApiEndpoint(
        "GET", "/account/search/{name}", _READ, _by_name, name=LISTING, account_type=_ABOVE
    ),
    ApiEndpoint(
        "GET",
        "/account/{account}/devices",
        f"api:inverter:list {_READ}",
        _devices,
        name=DEVICES_LISTING,
        account_type=_ABOVE,
    ),
    ApiEndpoint(
        "GET",
        f"/{CHILDREN_LISTING}",
        _LIST,
        _own_children,
        name=CHILDREN_LISTING,
        account_type=_ABOVE,
    ),
    ApiEndpoint(
        "GET",
        f"/{CHILDREN_LISTING}/{{account}}",
        f"{_READ} {_LIST}",
        _children_of,
        name=CHILDREN_LISTING,
        account_type="company+",
    ),
)
