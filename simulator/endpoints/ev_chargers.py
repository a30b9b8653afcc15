"""GET /ev-charger and …/{uuid} (contract, "EV Charger", "Info").

Only a customer may list; seen with the real API: no chargers can be 404 instead of an empty list.
"""

from collections.abc import Sequence
from typing import Any

from simulator.answers import Answer, ApiError
from simulator.endpoints import Call, Endpoint
from simulator.ev_chargers import Charger
from simulator.listings import Parameters
from simulator.world import World

LISTING = "ev-charger"


class _Chargers:
    """By an account's id all its chargers, by a charger's UUID that one."""

    def __init__(self, world: World) -> None:
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        chargers, now = self._world.chargers, self._world.now()
        account = self._world.family.by_id(device_id)
        wanted = chargers.of(account) if account else [chargers[device_id]]
        return [chargers.describe(charger, now) for charger in wanted]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        return rows


def charger_of(call: Call) -> Charger:
    """The charger in the path. Raises ``ApiError`` 404 for an unknown one, 403 for another's."""
    charger = call.world.chargers.get(call.parameters["uuid"])
    if charger is None:
        raise ApiError(404, "The requested resource could not be found.")
    call.permit(charger.account)
    return charger


def _list(call: Call) -> Answer:
    answer = call.page(LISTING, call.account.id)
    if call.world.config.chargers_404 and not call.world.listings.rows(LISTING, call.account.id):
        raise ApiError(404, "The requested resource could not be found.")
    return answer


def _show(call: Call) -> Answer:
    return call.one(LISTING, charger_of(call).uuid)


ENDPOINTS = (
    Endpoint(
        "GET",
        f"/{LISTING}",
        "api:ev-charger:list",
        _list,
        name=LISTING,
        account_type="customer only",
    ),
    Endpoint("GET", f"/{LISTING}/{{uuid}}", "api:ev-charger:read", _show, name=LISTING),
)
LISTINGS = {LISTING: _Chargers}
