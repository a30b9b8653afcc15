"""GET /inverter/{serial}/preset-profile: since version 1.53 of the API, named sets of presets.

The shape is invented: no document shows it. Storing or applying a set is a violation.
"""

from collections.abc import Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import HttpResponse, json_response
from simulator.seeded_random import uniform_of

LISTING = "preset-profiles"


class PresetProfilesListing(SimulatedListing):
    """The sets of an inverter."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return a set for each half of the year."""
        self.state.inverter(device_id)
        percent = 50 + int(50 * uniform_of("profile", self.state.config.seed, device_id))
        night = {"start_time": "00:30", "end_time": "05:30", "percent_limit": percent}
        return [
            {
                "name": "Winter",
                "presets": {"timed-charge": {"enabled": True, "slots": [night]}},
                "is_active": False,
            },
            {
                "name": "Summer",
                "presets": {"eco-mode": {"enabled": True}, "timed-charge": {"enabled": False}},
                "is_active": True,
            },
        ]


def _list(call: ApiCall) -> HttpResponse:
    rows = call.listings.rows(LISTING, call.inverter_with_data().serial)
    if call.state.config.undocumented_as == "list":
        return json_response(200, {"data": rows})
    by_name = {
        row["name"]: {leaf: value for leaf, value in row.items() if leaf != "name"} for row in rows
    }
    return json_response(200, {"data": by_name})


def _changed(call: ApiCall) -> HttpResponse:
    call.inverter_with_data()
    return json_response(200, {"success": True})


_PATH, _SCOPE = "/inverter/{serial}/preset-profile", "api:inverter:control"
LISTINGS = {LISTING: PresetProfilesListing}
ENDPOINTS = (
    ApiEndpoint("GET", _PATH, _SCOPE, _list, name=LISTING, since="1.53"),
    *(
        ApiEndpoint(method, _PATH, _SCOPE, _changed, reads=False, since="1.53")
        for method in ("POST", "PUT", "DELETE")
    ),
    ApiEndpoint("POST", f"{_PATH}/apply", _SCOPE, _changed, reads=False, since="1.53"),
)
