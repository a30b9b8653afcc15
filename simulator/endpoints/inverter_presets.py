"""Presets of an inverter, and what they are set to (since version 1.35 of the API).

Both lists only read: values are those that the platform knows. Applying a preset is a command. The
parameters are invented, except for those that the documents name.
"""

from collections.abc import Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import ApiError, HttpResponse, json_response
from simulator.world.installations import SimulatedDevice

LISTING = "presets"
VALUES_LISTING = "preset-values"
_SCOPE = "api:inverter:control"
_RESET = "reset-to-defaults"
_SLOTS = ("enabled", "slots")
# Number, identifier, name, parameters.
_PRESETS = (
    (0, "eco-mode", "Eco", ("enabled",)),
    (1, "timed-charge", "Timed Charge", (*_SLOTS, "max_power_watts")),
    (2, "timed-discharge", "Timed Discharge", _SLOTS),
    (3, "timed-export", "Timed Export", _SLOTS),
    (4, "battery-operating-range", "Battery Operating Range", ()),
    (5, "winter-battery-conditioning", "Winter Battery Conditioning", ("enabled",)),
    (6, "pause-battery", "Pause Battery", ("mode", "slots")),
    (7, _RESET, "Reset To Defaults", ()),
)
_GENERATOR = ("enabled", "start_soc", "stop_soc", "charge_power_percent")
_PRESETS_OF_GATEWAYS = (
    (8, "generator-mode", "Generator", _GENERATOR),
    (9, "smart-load", "Smart Load", ("enabled",)),
    (10, "grid-settings", "Grid", ("enabled",)),
    (11, "parallel-settings", "Parallel", ("enabled",)),
    (12, "plant-ems-enable-control", "Control By The Plant's EMS", ("enabled",)),
)
_VALIDATION = {
    "enabled": ("Turn the preset on or off", ["required", "boolean"]),
    "slots": ("Times of the day, and the state of charge to stop at", ["optional", "array"]),
    "mode": ("What to pause", ["required", "in:0,1,2,3"]),
    "max_power_watts": ("The most power", ["optional", "integer"]),
}
_PERCENT = ("A percentage", ["optional", "between:0,100"])


class PresetListing(SimulatedListing):
    """An inverter's presets."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the definitions in the order of their ids."""
        has_identifiers = self.state.config.has_version("1.35")
        return [
            {
                "id": number,
                **({"identifier": identifier} if has_identifiers else {}),
                "name": name,
                "description": f"{name}, as simulated",
                "parameters": {leaf: _parameter(leaf) for leaf in leaves},
            }
            for number, identifier, name, leaves in _presets_of(self.state.inverter(device_id))
        ]


class PresetValuesListing(SimulatedListing):
    """What the preset named by `preset` is set to: one value, null if it never was."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the values. Raises `ApiError` 404 for a preset that has none."""
        preset = str(parameters["preset"])
        identifiers = {each[1] for each in _presets_of(self.state.inverter(device_id))}
        if preset not in identifiers - {_RESET}:
            raise ApiError.not_found()
        return [self.state.presets.values(device_id, preset, self.state.now())]


def _presets_of(
    device: SimulatedDevice,
) -> Sequence[tuple[int, str, str, Sequence[str]]]:
    return (*_PRESETS, *_PRESETS_OF_GATEWAYS) if device.gateway else _PRESETS


def _parameter(leaf: str) -> dict[str, Any]:
    description, validation = _VALIDATION.get(leaf, _PERCENT)
    return {"description": description, "validation": validation}


def _list(call: ApiCall) -> HttpResponse:
    serial = call.inverter_with_data().serial
    return call.json({"data": call.listings.rows(LISTING, serial)}, as_text=True)


def _show(call: ApiCall) -> HttpResponse:
    serial = call.inverter_with_data().serial
    (values,) = call.listings.rows(VALUES_LISTING, serial, preset=call.parameters["id"])
    return call.json({"data": values}, as_text=True)


def _apply(call: ApiCall) -> HttpResponse:
    serial = call.inverter_with_data().serial
    for row in call.listings.rows(LISTING, serial):
        if call.parameters["id"] in (str(row["id"]), row.get("identifier")):
            payload = {"success": True, "message": "Written Successfully"}
            return json_response(200, {"data": payload})
    raise ApiError.not_found()


_PATH = "/inverter/{serial}/presets"
LISTINGS = {LISTING: PresetListing, VALUES_LISTING: PresetValuesListing}
ENDPOINTS = (
    ApiEndpoint("GET", _PATH, _SCOPE, _list, name=LISTING),
    ApiEndpoint("GET", f"{_PATH}/{{id}}", _SCOPE, _show, name=VALUES_LISTING, since="1.35"),
    ApiEndpoint("POST", f"{_PATH}/{{id}}", _SCOPE, _apply, reads=False),
)
