"""GET /account: the account that the token belongs to (contract, "Account")."""

from simulator.answers import Answer, json_answer
from simulator.endpoints import Call, Endpoint


def _show(call: Call) -> Answer:
    return json_answer(200, {"data": call.account.profile})


ENDPOINTS = (Endpoint("GET", "/account", "api:account:read", _show),)
