"""GET /ev-charger/{uuid}/meter-data (contract, "Meter Data", "Get Data Points").

Later versions of the API require both lists; ``meter_lists_required`` in the settings says whether
this one does.
"""

from simulator.answers import Answer
from simulator.endpoints import Call, Endpoint
from simulator.endpoints.ev_chargers import charger_of
from simulator.ev_meter_rows import EvMeterData

LISTING = "ev-meter-data"


def _page(call: Call) -> Answer:
    request = call.request
    return call.page(
        LISTING,
        charger_of(call).uuid,
        start_time=request.query.get("start_time"),
        end_time=request.query.get("end_time"),
        measurands=request.array("measurands"),
        meter_ids=request.array("meter_ids"),
    )


ENDPOINTS = (
    Endpoint("GET", "/ev-charger/{uuid}/meter-data", "api:ev-charger:data", _page, name=LISTING),
)
LISTINGS = {LISTING: EvMeterData}
