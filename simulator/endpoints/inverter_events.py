"""GET /inverter/{serial}/events (contract, "Get Events"): newest first, filters in the query.

What ``cleared`` means is not certain; ``events_cleared_means`` in the settings chooses.
"""

from simulator.answers import Answer
from simulator.endpoints import Call, Endpoint
from simulator.event_rows import Events, new_event

LISTING = "events"
_FILTERS = ("start", "end", "cleared")


def _list(call: Call) -> Answer:
    device = call.inverter_with_data()
    if call.world.shift_due(LISTING):
        call.world.listings.insert(LISTING, device.serial, new_event(call.world.now()))
    query = call.request.query
    filters = {name: query[name] for name in _FILTERS if name in query}
    return call.page(LISTING, device.serial, **filters)


LISTINGS = {LISTING: Events}
ENDPOINTS = (
    Endpoint("GET", "/inverter/{serial}/events", "api:inverter:data", _list, name=LISTING),
)
