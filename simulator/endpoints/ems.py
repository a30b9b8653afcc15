"""GET /ems/{serial}/system-data/latest (contract, "EMS Data"): only an EMS has it."""

from simulator.answers import Answer, ApiError
from simulator.ems_rows import EmsData
from simulator.endpoints import Call, Endpoint

LISTING = "ems-system-data"


def _system_data(call: Call) -> Answer:
    device = call.owned(call.world.inverter(call.parameters["serial"]))
    if not device.ems:
        raise ApiError(404, "The requested resource could not be found.")
    return call.one(LISTING, device.serial)


LISTINGS = {LISTING: EmsData}
ENDPOINTS = (
    Endpoint(
        "GET",
        "/ems/{serial}/system-data/latest",
        "api:inverter:read",
        _system_data,
        name=LISTING,
    ),
)
