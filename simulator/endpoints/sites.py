"""GET /site, …/{id}, …/{id}/status (contract, "Site").

The status comes without `data` and is for approved users only; changing it acts on hardware.
"""

from collections.abc import Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import ApiError, HttpResponse, json_response
from simulator.seeded_random import uniform_of
from simulator.world.account_hierarchy import site_id_of
from simulator.world.installations import SimulatedAccount

LISTING = "site"
STATUS_LISTING = "site-status"
STATUSES = ("opted_in", "opted_out", "vacant", None)


class SiteListing(SimulatedListing):
    """The only site of an account, by the id of either."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return a list of one."""
        hierarchy = self.state.hierarchy
        account = hierarchy.by_site(device_id)
        return [_described(account or hierarchy[device_id], self.state.config.seed)]


class SiteStatusListing(SimulatedListing):
    """The whole response about a site, which has no `data`, by the site's id."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return a list of one."""
        account = self.state.hierarchy.by_site(device_id)
        if account is None:
            raise KeyError(f"The simulator has no site {device_id!r}.")
        return [{"status": STATUSES[account.number % len(STATUSES)]}]


def _described(account: SimulatedAccount, seed: int) -> dict[str, Any]:
    number = account.number
    created = min((device.commissioned for device in account.devices), default=None)
    return {
        "id": site_id_of(account),
        "name": f"Invented House {number}",
        "account": account.profile["name"],
        "date_created": created.isoformat() if created else "2022-01-10",
        "country": account.profile["country"],
        "timezone": account.profile["timezone"],
        "tz_timezone": account.profile["standard_timezone"],
        # In the open sea: nobody lives there.
        "latitude": round(45 + uniform_of("latitude", seed, number), 6),
        "longitude": round(-30 - uniform_of("longitude", seed, number), 6),
        "type": "SINGLE_PHASE" if number % 3 else "THREE_PHASE",
        "products": [],
    }


def _list(call: ApiCall) -> HttpResponse:
    return call.page(LISTING, call.account.id)


def _show(call: ApiCall) -> HttpResponse:
    return call.one(LISTING, _accessible_site(call))


def _status(call: ApiCall) -> HttpResponse:
    rows = call.listings.rows(STATUS_LISTING, _approved_site(call))
    return json_response(200, rows[0])


def _set_status(call: ApiCall) -> HttpResponse:
    _approved_site(call)
    return json_response(200, {"success": True})


def _accessible_site(call: ApiCall) -> str:
    site = call.parameters["site"]
    call.accessible_account(call.state.hierarchy.by_site(site))
    return site


def _approved_site(call: ApiCall) -> str:
    if not call.state.config.site_status_approved:
        raise ApiError.unauthorized()
    return _accessible_site(call)


_STATUS = f"/{LISTING}/{{site}}/status"
LISTINGS = {LISTING: SiteListing, STATUS_LISTING: SiteStatusListing}
ENDPOINTS = (
    ApiEndpoint("GET", f"/{LISTING}", "api:site:list", _list, name=LISTING),
    ApiEndpoint("GET", f"/{LISTING}/{{site}}", "api:site:read", _show, name=LISTING),
    ApiEndpoint("GET", _STATUS, "api:site:read", _status, name=STATUS_LISTING),
    ApiEndpoint("POST", _STATUS, "api:site:update", _set_status, reads=False),
)
