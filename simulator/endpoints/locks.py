"""GET /lock, /lock/{type}/{id}: since version 1.53 of the API, locks of inverters.

The shapes are invented: no document shows them. A lock names the person who created it.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import ApiError, HttpResponse, json_response
from simulator.world.local_calendar import utc_text

SETTINGS_LISTING = "lock-settings"
LISTING = "locks"
_TYPES = ("inverter", "ev-charger")


class LockSettingsListing(SimulatedListing):
    """The configuration of locking of an account, by its id: a row for each type of device."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the configuration of each type."""
        return [
            {
                "type": kind,
                "enabled": kind == "inverter",
                "default_duration": 3600,
                "contact": self.state.hierarchy[device_id].profile["email"],
            }
            for kind in _TYPES
        ]


class LocksListing(SimulatedListing):
    """The locks of an inverter: one every other day."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the locks of today, if there are any."""
        device = self.state.inverter(device_id)
        today = self.state.now().date()
        if today.toordinal() % 2:
            return []
        midnight_s = int(dt.datetime.combine(today, dt.time(), dt.UTC).timestamp())
        return [
            {
                "id": 1000 + device.account,
                "type": "inverter",
                "priority": 5,
                "created_at": utc_text(midnight_s),
                "expires_at": utc_text(midnight_s + 86_400),
                "reason": "Visit of the fitter",
                "locked_by": {"email": "fitter@example.org"},
            }
        ]


def _settings(call: ApiCall) -> HttpResponse:
    rows = call.listings.rows(SETTINGS_LISTING, call.account.id)
    if call.state.config.undocumented_as == "list":
        return json_response(200, {"data": rows})
    return json_response(200, {"data": {row["type"]: row for row in rows}})


def _locks(call: ApiCall) -> HttpResponse:
    if call.parameters["type"] not in _TYPES:
        raise ApiError.not_found()
    rows = call.listings.rows(LISTING, call.inverter_with_data().serial)
    if call.state.config.undocumented_as == "list":
        return json_response(200, {"data": rows})
    return json_response(200, {"data": {"locks": rows}})


def _changed(call: ApiCall) -> HttpResponse:
    return json_response(200, {"success": True})


_READ, _CONTROL = "api:inverter:read", "api:inverter:control"
LISTINGS = {SETTINGS_LISTING: LockSettingsListing, LISTING: LocksListing}
ENDPOINTS = (
    ApiEndpoint("GET", "/lock", _READ, _settings, name=SETTINGS_LISTING, since="1.53"),
    ApiEndpoint("GET", "/lock/{type}/{serial}", _READ, _locks, name=LISTING, since="1.53"),
    ApiEndpoint("DELETE", "/lock/{id}", _CONTROL, _changed, reads=False, since="1.53"),
    ApiEndpoint(
        "POST", "/lock/{type}/{serial}/create", _CONTROL, _changed, reads=False, since="1.53"
    ),
    ApiEndpoint(
        "POST", "/lock/{type}/{serial}/cleanup", _CONTROL, _changed, reads=False, since="1.53"
    ),
)
