"""GET /ev-charger/{uuid}/charging-sessions (contract, "Charging Sessions").

The contract's example sends the filters in a body; in practice they are query parameters, and a
body is not looked at.
"""

from simulator.answers import Answer
from simulator.endpoints import Call, Endpoint
from simulator.endpoints.ev_chargers import charger_of
from simulator.ev_session_rows import ChargingSessions

LISTING = "charging-sessions"


def _page(call: Call) -> Answer:
    query = call.request.query
    return call.page(
        LISTING,
        charger_of(call).uuid,
        start_time=query.get("start_time"),
        end_time=query.get("end_time"),
    )


ENDPOINTS = (
    Endpoint("GET", f"/ev-charger/{{uuid}}/{LISTING}", "api:ev-charger:data", _page, name=LISTING),
)
LISTINGS = {LISTING: ChargingSessions}
