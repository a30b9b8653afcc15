"""POST /inverter/{serial}/energy-flows (contract, "Energy Flow Data"): a POST that only reads.

Recorded: ``data`` is an object keyed "0", "1", …; neither ``links`` nor ``meta``.
"""

from typing import Any

import orjson

from simulator import odd
from simulator.answers import Answer, ApiError, json_answer
from simulator.endpoints import Call, Endpoint
from simulator.energy_flows import EnergyFlows, FlowWish

LISTING = "energy-flows"
_FIELDS = ("start_time", "end_time", "grouping", "types")


def _flows(call: Call) -> Answer:
    device = call.inverter_with_data()
    config = call.world.config
    parameters = _parameters(call.request.body)
    wish = FlowWish.of(parameters)
    if config.flows_max_days is not None and wish.days > config.flows_max_days:
        raise ApiError.invalid(
            end_time=f"The end time must be within {config.flows_max_days} days of start time."
        )
    rows = call.world.listings.rows(LISTING, device.serial, **parameters)
    if config.flows_as == "array":
        return json_answer(200, {"data": rows})
    keys = [str(position) for position in range(len(rows))]
    keyed = dict(zip(keys, rows, strict=True))
    if odd.befalls(config.odd, "flow_keys_unsorted", config.seed, device.serial, wish):
        keyed = {key: keyed[key] for key in sorted(keys)}
    return json_answer(200, {"data": keyed})


def _parameters(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(payload, dict):
        return {}
    return {name: payload[name] for name in _FIELDS if name in payload}


LISTINGS = {LISTING: EnergyFlows}
ENDPOINTS = (
    Endpoint("POST", "/inverter/{serial}/energy-flows", "api:inverter:data", _flows, name=LISTING),
)
