"""GET /inverter/{serial}/system-data/latest and …/meter-data/latest (contract, "Inverter Data")."""

from simulator.answers import Answer
from simulator.endpoints import Call, Endpoint
from simulator.latest_rows import MeterData, SystemData


def _system_data(call: Call) -> Answer:
    return call.one("system-data", call.inverter_with_data().serial)


def _meter_data(call: Call) -> Answer:
    return call.one("meter-data", call.inverter_with_data().serial)


LISTINGS = {"system-data": SystemData, "meter-data": MeterData}
ENDPOINTS = (
    Endpoint(
        "GET",
        "/inverter/{serial}/system-data/latest",
        "api:inverter:read",
        _system_data,
        name="system-data",
    ),
    Endpoint(
        "GET",
        "/inverter/{serial}/meter-data/latest",
        "api:inverter:read",
        _meter_data,
        name="meter-data",
    ),
)
