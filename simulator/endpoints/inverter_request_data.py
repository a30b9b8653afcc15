"""GET /inverter/{serial}/request-data (contract, "Request Inverter Data"): commands the inverter.

A read-only client has no business here although the method is GET; each call is a violation.
"""

from simulator.answers import Answer, json_answer
from simulator.endpoints import Call, Endpoint


def _command(call: Call) -> Answer:
    call.inverter_with_data()
    return json_answer(200, {"success": True})


ENDPOINTS = (
    Endpoint("GET", "/inverter/{serial}/request-data", "api:inverter:read", _command, reads=False),
)
