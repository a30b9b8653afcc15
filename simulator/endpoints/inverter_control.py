"""Settings and presets of an inverter (contract, "Inverter Control").

The two lists only read. Everything else reaches the device, reading a setting's value included:
each such call is a violation, and its answer is merely plausible.
"""

from typing import Any

import orjson

from simulator.answers import Answer, ApiError, json_answer
from simulator.endpoints import Call, Endpoint
from simulator.setting_rows import Presets, Settings, plausible_value

_SCOPE = "api:inverter:control"
_UNKNOWN_DEVICE, _INVALID = -3, -4


def _settings(call: Call) -> Answer:
    serial = call.inverter_with_data().serial
    return json_answer(200, {"data": call.world.listings.rows("settings", serial)})


def _presets(call: Call) -> Answer:
    serial = call.inverter_with_data().serial
    return json_answer(200, {"data": call.world.listings.rows("presets", serial)})


def _apply_preset(call: Call) -> Answer:
    _row(call, "presets")
    return json_answer(200, {"data": {"success": True, "message": "Written Successfully"}})


def _read(call: Call) -> Answer:
    rules = _row(call, "settings")["validation_rules"]
    value = _INVALID if "writeonly" in rules else plausible_value(rules)
    return json_answer(200, {"data": {"value": value}})


def _write(call: Call) -> Answer:
    _row(call, "settings")
    value = _body(call).get("value")
    if value is None:
        raise ApiError.invalid(value="The value field is required.")
    payload = {"value": value, "success": True, "message": "Written Successfully"}
    return json_answer(200, {"data": payload})


def _multi_read(call: Call) -> Answer:
    return _multi(call, "inverter_serials", "setting_id")


def _multi_write(call: Call) -> Answer:
    return _multi(call, "inverter_serials", "setting_id", "value")


def _multi(call: Call, *required: str) -> Answer:
    body = _body(call)
    errors = {
        name: f"The {name.replace('_', ' ')} field is required."
        for name in required
        if body.get(name) in (None, "", [])
    }
    if errors:
        raise ApiError.invalid(**errors)
    serials = body["inverter_serials"]
    if not isinstance(serials, list):
        raise ApiError.invalid(inverter_serials="The inverter serials must be an array.")
    responses = {}
    for serial in map(str, serials):
        device = call.world.inverter(serial)
        seen = device is not None and call.world.family.may_see(call.account, device.account)
        responses[serial] = {"response": body.get("value", 1) if seen else _UNKNOWN_DEVICE}
    return json_answer(200, responses)


def _row(call: Call, listing: str) -> Any:
    """What the id in the path names. Raises ``ApiError`` 404 for an unknown one."""
    serial = call.inverter_with_data().serial
    for row in call.world.listings.rows(listing, serial):
        if str(row["id"]) == call.parameters["id"]:
            return row
    raise ApiError(404, "The requested resource could not be found.")


def _body(call: Call) -> dict[str, Any]:
    try:
        payload = orjson.loads(call.request.body)
    except orjson.JSONDecodeError:
        return {}
    return payload if isinstance(payload, dict) else {}


LISTINGS = {"settings": Settings, "presets": Presets}
ENDPOINTS = (
    Endpoint("GET", "/inverter/{serial}/settings", _SCOPE, _settings, name="settings"),
    Endpoint("GET", "/inverter/{serial}/presets", _SCOPE, _presets, name="presets"),
    Endpoint("POST", "/inverter/{serial}/presets/{id}", _SCOPE, _apply_preset, reads=False),
    Endpoint("POST", "/inverter/{serial}/settings/{id}/read", _SCOPE, _read, reads=False),
    Endpoint("POST", "/inverter/{serial}/settings/{id}/write", _SCOPE, _write, reads=False),
    Endpoint("POST", "/multi-control/read", _SCOPE, _multi_read, reads=False),
    Endpoint("POST", "/multi-control/write", _SCOPE, _multi_write, reads=False),
)
