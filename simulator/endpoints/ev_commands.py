"""GET /ev-charger/{uuid}/commands and …/{command} (contract, "Commands"): what is configured.

The POST of the same path commands the charger, which a read-only client must not do; the simulator
never carries out a command.
"""

from collections.abc import Sequence
from typing import Any

from simulator.endpoints.ev_chargers import charger_of
from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import ApiError, HttpResponse, json_response
from simulator.seeded_random import uniform, uuid_of
from simulator.world.charger_fleet import Charger, id_tags

LISTING = "ev-commands"
DATA_LISTING = "ev-command-data"
_SCOPE = "api:ev-charger:control"
_INSTALLATIONS = (("C", "ct_meter"), ("D", "inverter_control"), ("A", "standalone"))
_MODES = {"A": ["Boost"], "C": ["Eco", "SuperEco", "Boost"], "D": ["ModbusSlave"]}
_NOT_BY_ALL = ("set-max-import-capacity", "enable-local-control", "configure-inverter-control")


class CommandListing(SimulatedListing):
    """The commands that a charger supports, by its UUID."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the names in the order of listing."""
        return list(_data_by_command(self.state.chargers[device_id]))


class CommandDataListing(SimulatedListing):
    """The data of a supported command, by the charger's UUID, a slash and the command."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return a list of one or none."""
        uuid, _, command = device_id.partition("/")
        data = _data_by_command(self.state.chargers[uuid])
        return [data[command]] if command in data else []


def _data_by_command(charger: Charger) -> dict[str, Any]:
    """Return the commands that a charger supports, in the order of listing, with their data."""
    configuration, installation = _INSTALLATIONS[charger.number % len(_INSTALLATIONS)]
    modes = _MODES[configuration]
    chance = uniform(charger.key + 40, range(4)).tolist()
    schedules = _schedules(charger) if charger.number % 2 == 0 else []
    data: dict[str, Any] = {
        "start-charge": [],
        "stop-charge": [],
        "adjust-charge-power-limit": {"min": 6, "max": 32, "value": 32, "unit": "A"},
        "set-plug-and-go": chance[0] < 0.5,
        "set-session-energy-limit": {
            "min": 0.1,
            "max": 250,
            "value": None if chance[1] < 0.5 else 54.5,
            "unit": "kWh",
        },
        "set-schedule": {"schedules": schedules},
        "unlock-connector": [],
        "delete-charging-profile": [],
        "change-mode": {"active": modes[-1], "available": modes},
        "restart-charger": [],
        "change-randomised-delay-duration": None,
        "add-id-tags": {"id_tags": _tags(charger), "maximum_id_tags": 200},
        "delete-id-tags": None,
        "rename-id-tag": None,
        "installation-mode": installation,
        "setup-version": None,
        "set-active-schedule": {"schedule_id": schedules[0]["id"] if schedules else None},
        "set-max-import-capacity": {"value": 80},
        "enable-front-panel-led": {"value": chance[2] < 0.8},
        "configure-inverter-control": {
            "inverter_battery_export_split": 0.5,
            "max_battery_discharge_power_to_evc": 0,
            "mode": "SuperEco",
        },
        "perform-factory-reset": [],
        "configuration-mode": {"value": configuration},
        "enable-local-control": {"value": False},
    }
    unsupported = _NOT_BY_ALL[charger.number % len(_NOT_BY_ALL)]
    return {command: value for command, value in data.items() if command != unsupported}


def _schedules(charger: Charger) -> list[dict[str, Any]]:
    return [
        {
            "id": uuid_of("schedule", charger.uuid, number),
            "name": name,
            "is_active": number == 0,
            "periods": [{"days": days, "start_time": start, "end_time": end, "limit": limit}],
        }
        for number, (name, days, start, end, limit) in enumerate(
            (
                ("Cheap nights", [0, 1, 2, 3, 4, 5, 6], "00:30", "04:30", 32),
                ("Sunday noon", [6], "11:00", "15:00", 10),
            )
        )
    ]


def _tags(charger: Charger) -> list[dict[str, Any]]:
    first, second = id_tags(charger)
    created = f"{charger.registered.isoformat()}T09:30:00Z"
    return [
        {"id": first, "alias": "Simone's key ring", "expiry_date": None, "created_at": created},
        {
            "id": second,
            "alias": None,
            "expiry_date": "2035-12-31T00:00:00Z",
            "created_at": created,
        },
    ]


def _list(call: ApiCall) -> HttpResponse:
    rows = call.listings.rows(LISTING, charger_of(call).uuid)
    return json_response(200, {"data": rows})


def _show(call: ApiCall) -> HttpResponse:
    return call.one(DATA_LISTING, f"{charger_of(call).uuid}/{call.parameters['command']}")


def _send(call: ApiCall) -> HttpResponse:
    charger = charger_of(call)
    if call.parameters["command"] not in _data_by_command(charger):
        raise ApiError.not_found()
    if call.state.chargers.offline_since(charger, call.state.now().timestamp()) is not None:
        return json_response(200, {"data": {"code": -2, "success": False, "message": "Offline"}})
    return json_response(200, {"data": {"code": 0, "success": True, "message": "Accepted"}})


_PATH = "/ev-charger/{uuid}/commands"
LISTINGS = {LISTING: CommandListing, DATA_LISTING: CommandDataListing}
ENDPOINTS = (
    ApiEndpoint("GET", _PATH, _SCOPE, _list, name=LISTING),
    ApiEndpoint("GET", f"{_PATH}/{{command}}", _SCOPE, _show, name=DATA_LISTING),
    ApiEndpoint("POST", f"{_PATH}/{{command}}", _SCOPE, _send, reads=False),
)
