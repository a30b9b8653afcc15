"""Presets of an inverter, and a command (contract, "Inverter Control", "Request Inverter Data").

The list only reads. Everything else reaches the device, and one of these calls is a GET: each is a
violation by a read-only client, and its response is merely plausible. The definitions are invented.
"""

from collections.abc import Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import ApiError, HttpResponse, json_response

_SCOPE = "api:inverter:control"


class PresetListing(SimulatedListing):
    """An inverter's presets."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the definitions in the order of their ids."""
        self.state.inverter(device_id)
        enabled = {
            "description": "Turn the preset on or off",
            "validation": ["required", "boolean"],
        }
        slot = {
            "description": "A time of the day",
            "validation": ["optional", "date_format:H:i"],
        }
        return [
            {
                "id": 0,
                "name": "Eco",
                "description": "Use what the sun gives and import as little as possible",
                "parameters": {"enabled": enabled},
            },
            {
                "id": 1,
                "name": "Timed Charge",
                "description": "Charge the battery between two times",
                "parameters": {"enabled": enabled, "start": slot, "end": slot},
            },
            {
                "id": 5,
                "name": "Leave Alone",
                "description": "Neither charge nor discharge",
                "parameters": {},
            },
        ]


def _presets(call: ApiCall) -> HttpResponse:
    serial = call.inverter_with_data().serial
    return json_response(200, {"data": call.listings.rows("presets", serial)})


def _apply_preset(call: ApiCall) -> HttpResponse:
    serial = call.inverter_with_data().serial
    if call.parameters["id"] not in {
        str(row["id"]) for row in call.listings.rows("presets", serial)
    }:
        raise ApiError.not_found()
    return json_response(200, {"data": {"success": True, "message": "Written Successfully"}})


def _request_data(call: ApiCall) -> HttpResponse:
    call.inverter_with_data()
    return json_response(200, {"success": True})


_INVERTER = "/inverter/{serial}"
LISTINGS = {"presets": PresetListing}
ENDPOINTS = (
    ApiEndpoint("GET", f"{_INVERTER}/presets", _SCOPE, _presets, name="presets"),
    ApiEndpoint("POST", f"{_INVERTER}/presets/{{id}}", _SCOPE, _apply_preset, reads=False),
    ApiEndpoint(
        "GET", f"{_INVERTER}/request-data", "api:inverter:read", _request_data, reads=False
    ),
)
