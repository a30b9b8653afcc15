"""GET /sso/me/accounts: since version 1.35 of the API, all accounts of a person's single sign-on.

Here these are the account itself and its children.
"""

from collections.abc import Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import HttpResponse, json_response

LISTING = "sso-accounts"


class SsoAccountsListing(SimulatedListing):
    """The accounts of the person who has an account, by its id."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the accounts, the person's own first."""
        hierarchy = self.state.hierarchy
        own = hierarchy[device_id]
        accounts = (own, *hierarchy.children_of(own))
        return [each.profile for each in accounts]


def _list(call: ApiCall) -> HttpResponse:
    return json_response(200, {"data": call.listings.rows(LISTING, call.account.id)})


LISTINGS = {LISTING: SsoAccountsListing}
ENDPOINTS = (
    ApiEndpoint("GET", "/sso/me/accounts", "api:account:read", _list, name=LISTING, since="1.35"),
)
