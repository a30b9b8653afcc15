"""GET /inverter/{serial}/meter/data: only in later versions of the API (``later_api``)."""

from simulator.answers import Answer, ApiError
from simulator.endpoints import Call, Endpoint
from simulator.grid_meter_rows import GridMeterRows

LISTING = "inverter-meter-data"
_FILTERS = ("address", "start_time", "end_time")


def _rows(call: Call) -> Answer:
    if not call.world.config.later_api:
        path = call.request.path.lstrip("/")
        raise ApiError(404, f"The route {path} could not be found.")
    device = call.inverter_with_data()
    query = call.request.query
    filters = {name: query[name] for name in _FILTERS if name in query}
    return call.page(LISTING, device.serial, **filters)


LISTINGS = {LISTING: GridMeterRows}
ENDPOINTS = (
    Endpoint("GET", "/inverter/{serial}/meter/data", "api:inverter:data", _rows, name=LISTING),
)
