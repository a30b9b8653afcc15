"""GET /ev-charger and …/{uuid} (contract, "EV Charger", "Info").

Only a customer may list. Observed with the real API: an account without chargers can get 404
instead of an empty list.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import ApiError, HttpResponse
from simulator.world.charger_fleet import Charger
from simulator.world.local_calendar import utc_text

LISTING = "ev-charger"
_PLUGGED_IN_S = 240  # before a session starts: Preparing
_UNPLUGGED_S = 420  # after it has stopped: Finishing


class ChargerListing(SimulatedListing):
    """All chargers of an account, by its id; one charger, by its UUID."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the chargers in the order of listing."""
        chargers = self.state.chargers
        account = self.state.hierarchy.by_id(device_id)
        selected = chargers.of(account) if account else [chargers[device_id]]
        return [self._described(charger) for charger in selected]

    def _described(self, charger: Charger) -> dict[str, Any]:
        now_s = self.state.now().timestamp()
        since = self.state.chargers.offline_since(charger, now_s)
        # Contract: the time can be missing although the charger is offline.
        has_time = charger.number % 3 != 2
        return {
            "uuid": charger.uuid,
            "serial_number": charger.serial_number,
            "type": "GivEnergy",
            "alias": charger.alias,
            "online": since is None,
            "went_offline_at": utc_text(since) if since is not None and has_time else None,
            "status": "Unavailable" if since is not None else _status(charger, int(now_s)),
        }


def _status(charger: Charger, now_s: int) -> str:
    sessions = charger.sessions.until(now_s + _PLUGGED_IN_S)
    which = int(sessions.at(np.array([now_s]))[0])
    if which >= 0:
        if now_s < sessions.charge_s[which]:
            return "SuspendedEVSE"
        if now_s < sessions.full_s[which]:
            return "Charging"
        if now_s < sessions.stop_s[which]:
            return "SuspendedEV"
        if now_s < sessions.stop_s[which] + _UNPLUGGED_S:
            return "Finishing"
    following = which + 1
    if following < len(sessions.start_s) and sessions.start_s[following] - now_s <= _PLUGGED_IN_S:
        return "Preparing"
    return "Available"


def charger_of(call: ApiCall) -> Charger:
    """Return the charger in the path. Raises `ApiError` 404 if unknown, 403 if another's."""
    charger = call.state.chargers.get(call.parameters["uuid"])
    if charger is None:
        raise ApiError.not_found()
    call.check_access(charger.account)
    return charger


def _list(call: ApiCall) -> HttpResponse:
    response = call.page(LISTING, call.account.id)
    if call.state.config.chargers_404 and not call.listings.rows(LISTING, call.account.id):
        raise ApiError.not_found()
    return response


def _show(call: ApiCall) -> HttpResponse:
    return call.one(LISTING, charger_of(call).uuid)


LISTINGS = {LISTING: ChargerListing}
ENDPOINTS = (
    ApiEndpoint(
        "GET",
        f"/{LISTING}",
        "api:ev-charger:list",
        _list,
        name=LISTING,
        account_type="customer only",
    ),
    ApiEndpoint("GET", f"/{LISTING}/{{uuid}}", "api:ev-charger:read", _show, name=LISTING),
)
