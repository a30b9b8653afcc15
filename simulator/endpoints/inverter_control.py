"""GET …/request-data: a command, although a GET (contract, "Request Inverter Data").

A read-only client must not make it; its response is merely plausible.
"""

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import SimulatedListing
from simulator.http.messages import HttpResponse, json_response


def _request_data(call: ApiCall) -> HttpResponse:
    call.inverter_with_data()
    return json_response(200, {"success": True})


LISTINGS: dict[str, type[SimulatedListing]] = {}
ENDPOINTS = (
    ApiEndpoint(
        "GET", "/inverter/{serial}/request-data", "api:inverter:read", _request_data, reads=False
    ),
)
