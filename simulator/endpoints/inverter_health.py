"""GET /inverter/{serial}/health: since version 1.53 of the API.

Checks with a status ok, warning or error. The shape is invented: no document shows it.
"""

from collections.abc import Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import HttpResponse, json_response
from simulator.seeded_random import uniform_of

LISTING = "inverter-health"
_CHECKS = ("Grid Connection", "Battery Communication", "Meter Communication", "Dongle Signal")
_PERIOD_S = 3 * 86_400


class HealthListing(SimulatedListing):
    """The checks of an inverter; their statuses change every few days."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the checks, each with its name."""
        self.state.inverter(device_id)
        seed = self.state.config.seed
        period = int(self.state.now().timestamp()) // _PERIOD_S
        rows: list[dict[str, Any]] = []
        for check in _CHECKS:
            share = uniform_of("health", seed, device_id, check, period)
            status = "error" if share < 0.05 else "warning" if share < 0.2 else "ok"
            row: dict[str, Any] = {"name": check, "status": status}
            if status != "ok":
                row["message"] = f"{check} was interrupted"
                row["occurrences"] = 1 + int(share * 100)
            rows.append(row)
        return rows


def _health(call: ApiCall) -> HttpResponse:
    rows = call.listings.rows(LISTING, call.inverter_with_data().serial)
    if call.state.config.undocumented_as == "list":
        return json_response(200, {"data": rows})
    # Of a check with nothing but a status, only that.
    by_name: dict[str, Any] = {}
    for row in rows:
        leaves = {leaf: value for leaf, value in row.items() if leaf != "name"}
        by_name[row["name"]] = leaves["status"] if leaves.keys() == {"status"} else leaves
    return json_response(200, {"data": by_name})


LISTINGS = {LISTING: HealthListing}
ENDPOINTS = (
    ApiEndpoint(
        "GET", "/inverter/{serial}/health", "api:inverter:read", _health, name=LISTING, since="1.53"
    ),
)
