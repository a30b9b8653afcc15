"""GET /site, …/{id}, …/{id}/status (contract, "Site").

The status comes without ``data`` and is for approved users only; changing it acts on hardware.
"""

from simulator.account_rows import Sites, SiteStatus, site_account
from simulator.answers import Answer, ApiError, json_answer
from simulator.endpoints import Call, Endpoint
from simulator.endpoints.account import permitted

LISTING = "site"
STATUS_LISTING = "site-status"


def _list(call: Call) -> Answer:
    return call.page(LISTING, call.account.id)


def _show(call: Call) -> Answer:
    return call.one(LISTING, _permitted_site(call))


def _status(call: Call) -> Answer:
    rows = call.world.listings.rows(STATUS_LISTING, _approved_site(call))
    return json_answer(200, rows[0])


def _set_status(call: Call) -> Answer:
    _approved_site(call)
    return json_answer(200, {"success": True})


def _permitted_site(call: Call) -> str:
    site = call.parameters["site"]
    permitted(call, site_account(call.world, site))
    return site


def _approved_site(call: Call) -> str:
    if not call.world.config.site_status_approved:
        raise ApiError(403, "This action is unauthorized.")
    return _permitted_site(call)


_STATUS = f"/{LISTING}/{{site}}/status"
ENDPOINTS = (
    Endpoint("GET", f"/{LISTING}", "api:site:list", _list, name=LISTING),
    Endpoint("GET", f"/{LISTING}/{{site}}", "api:site:read", _show, name=LISTING),
    Endpoint("GET", _STATUS, "api:site:read", _status, name=STATUS_LISTING),
    Endpoint("POST", _STATUS, "api:site:update", _set_status, reads=False),
)
LISTINGS = {LISTING: Sites, STATUS_LISTING: SiteStatus}
