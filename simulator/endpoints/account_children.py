"""GET /account-children and …/{id} (contract, "Account"): the accounts that one has access to."""

from simulator.account_rows import AccountChildren
from simulator.answers import Answer
from simulator.endpoints import Call, Endpoint
from simulator.endpoints.account import permitted

LISTING = "account-children"


def _own(call: Call) -> Answer:
    return call.page(LISTING, call.account.id)


def _of(call: Call) -> Answer:
    found = call.world.family.by_id(call.parameters["account"])
    return call.page(LISTING, permitted(call, found).id)


ENDPOINTS = (
    Endpoint(
        "GET", f"/{LISTING}", "api:account:list", _own, name=LISTING, account_type="engineer+"
    ),
    Endpoint(
        "GET",
        f"/{LISTING}/{{account}}",
        "api:account:read api:account:list",
        _of,
        name=LISTING,
        account_type="company+",
    ),
)
LISTINGS = {LISTING: AccountChildren}
