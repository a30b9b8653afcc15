"""GET /account, …/{id}, …/search/{username}, …/{id or username}/devices (contract, "Account").

Other accounts than one's own are for engineers, and only those that they have access to.
"""

from simulator.account_rows import AccountProfile
from simulator.answers import Answer, ApiError
from simulator.device_rows import AccountDevices
from simulator.devices import Account
from simulator.endpoints import Call, Endpoint

LISTING = "account"
DEVICES_LISTING = "account-devices"


def permitted(call: Call, account: Account | None) -> Account:
    """The account if this one may see it. Raises ``ApiError`` 404 or 403 otherwise."""
    if account is None:
        raise ApiError(404, "The requested resource could not be found.")
    call.permit(account.number)
    return account


def _own(call: Call) -> Answer:
    return call.one(LISTING, call.account.id)


def _by_id(call: Call) -> Answer:
    found = call.world.family.by_id(call.parameters["account"])
    return call.one(LISTING, permitted(call, found).id)


def _by_name(call: Call) -> Answer:
    found = call.world.family.by_name(call.parameters["name"])
    return call.one(LISTING, permitted(call, found).id)


def _devices(call: Call) -> Answer:
    family, wanted = call.world.family, call.parameters["account"]
    found = permitted(call, family.by_id(wanted) or family.by_name(wanted))
    return call.page(DEVICES_LISTING, found.id)


_READ = "api:account:read"
_ABOVE = "engineer+"
ENDPOINTS = (
    Endpoint("GET", "/account", _READ, _own, name=LISTING),
    Endpoint("GET", "/account/{account}", _READ, _by_id, name=LISTING, account_type=_ABOVE),
    Endpoint("GET", "/account/search/{name}", _READ, _by_name, name=LISTING, account_type=_ABOVE),
    Endpoint(
        "GET",
        "/account/{account}/devices",
        f"api:inverter:list {_READ}",
        _devices,
        name=DEVICES_LISTING,
        account_type=_ABOVE,
    ),
)
LISTINGS = {LISTING: AccountProfile, DEVICES_LISTING: AccountDevices}
