"""GET /ev-charger/{uuid}/commands and …/{command} (contract, "Commands"): what is configured.

The POST beside them commands the charger; a read-only client has no business there.
"""

from collections.abc import Sequence
from typing import Any

from simulator.answers import Answer, ApiError, json_answer
from simulator.endpoints import Call, Endpoint
from simulator.endpoints.ev_chargers import charger_of
from simulator.ev_commands import data_by_command
from simulator.listings import Parameters
from simulator.world import World

LISTING = "ev-commands"
DATA_LISTING = "ev-command-data"
_SCOPE = "api:ev-charger:control"


class _Commands:
    """By a charger's UUID the names of the commands that it supports."""

    def __init__(self, world: World) -> None:
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        return list(data_by_command(self._world.chargers[device_id]))

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        return rows


class _CommandData:
    """By a charger's UUID, a slash and a command the data of it; nothing if it is not supported."""

    def __init__(self, world: World) -> None:
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        uuid, _, command = device_id.partition("/")
        data = data_by_command(self._world.chargers[uuid])
        return [data[command]] if command in data else []

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        return rows


def _list(call: Call) -> Answer:
    rows = call.world.listings.rows(LISTING, charger_of(call).uuid)
    return json_answer(200, {"data": rows})


def _show(call: Call) -> Answer:
    return call.one(DATA_LISTING, f"{charger_of(call).uuid}/{call.parameters['command']}")


def _send(call: Call) -> Answer:
    charger = charger_of(call)
    if call.parameters["command"] not in data_by_command(charger):
        raise ApiError(404, "The requested resource could not be found.")
    if call.world.chargers.offline_since(charger, call.world.now().timestamp()) is not None:
        return json_answer(200, {"data": {"code": -2, "success": False, "message": "Offline"}})
    return json_answer(200, {"data": {"code": 0, "success": True, "message": "Accepted"}})


_PATH = "/ev-charger/{uuid}/commands"
ENDPOINTS = (
    Endpoint("GET", _PATH, _SCOPE, _list, name=LISTING),
    Endpoint("GET", f"{_PATH}/{{command}}", _SCOPE, _show, name=DATA_LISTING),
    Endpoint("POST", f"{_PATH}/{{command}}", _SCOPE, _send, reads=False),
)
LISTINGS = {LISTING: _Commands, DATA_LISTING: _CommandData}
