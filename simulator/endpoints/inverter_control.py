"""Settings of an inverter (contract, "Inverter Control", "Request Inverter Data").

The list only reads. Everything else reaches the device, reading a setting's value included,
and one of these calls is a GET: each is a violation by a read-only client, and its response is
merely plausible. The definitions are invented, except for two that the contract shows.
"""

from collections.abc import Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.framework.parameters import is_required, require_fields
from simulator.http.messages import ApiError, HttpResponse, json_response

_SCOPE = "api:inverter:control"
_UNKNOWN_DEVICE, _INVALID, _LOCKED = -3, -4, -7
_FIRST_OF_UPDATES = 401
_BOOLEAN = ("Write true or false", "boolean")
_TIME = ("Write a time as HH:mm, such as 05:30", "date_format:H:i")
_SETTINGS = (
    (17, "Limit Charging From Grid", *_BOOLEAN),
    (266, "DC Discharge 3 End Time", *_TIME),
    (301, "Night Charge Start", *_TIME),
    (302, "Night Charge End", *_TIME),
    (303, "Night Charge Target", "Write a number from 4 to 100", "between:4,100"),
    (304, "Standby Level", "Write 0 for off, 1 for low or 2 for high", "in:0,1,2"),
    (
        306,
        "Boiler Relay Channels",
        "Write channels from 1 to 4 with commas between, or nothing",
        "bitwise:4",
    ),
    (307, "Site Code", "Write 6 letters or digits", "alpha:6"),
)


class SettingListing(SimulatedListing):
    """An inverter's settings; each firmware update adds one."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the definitions in the order of their ids."""
        device = self.state.inverter(device_id)
        rows = [_definition(*setting) for setting in _SETTINGS]
        most = 6000 if device.gateway else 3600
        rows.append(
            _definition(
                311, "Charge Power", f"Write a number from 0 to {most}", f"between:0,{most}"
            )
        )
        rows.append(_definition(312, "Restart", "Write 100", "writeonly", "exact:100"))
        for update in range(device.firmware_updates):
            number = _FIRST_OF_UPDATES + update
            rows.append(_definition(number, f"Feature {update + 1} Of An Update", *_BOOLEAN))
        return rows


def _plausible_value(rules: Sequence[str]) -> object:
    """Return a value that passes a setting's rules, for the response to a command."""
    rule, _, arguments = rules[-1].partition(":")
    if rule == "boolean":
        return True
    if rule == "date_format":
        return "05:30"
    if rule == "bitwise":
        return "1,2"
    if rule == "alpha":
        return "SIM123"
    return int(arguments.split(",")[-1])


def _definition(number: int, name: str, validation: str, *rules: str) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "validation": validation,
        "validation_rules": list(rules),
    }


def _settings(call: ApiCall) -> HttpResponse:
    serial = call.inverter_with_data().serial
    return json_response(200, {"data": call.listings.rows("settings", serial)})


def _read(call: ApiCall) -> HttpResponse:
    rules = _setting(call)["validation_rules"]
    if _is_locked(call):
        return _refused_as_locked()
    value = _INVALID if "writeonly" in rules else _plausible_value(rules)
    return json_response(200, {"data": {"value": value}})


def _write(call: ApiCall) -> HttpResponse:
    _setting(call)
    value = call.request.json_object().get("value")
    if value is None:
        raise ApiError.invalid(value=is_required("value"))
    if _is_locked(call):
        return _refused_as_locked()
    payload = {"value": value, "success": True, "message": "Written Successfully"}
    return json_response(200, {"data": payload})


def _is_locked(call: ApiCall) -> bool:
    return call.state.config.has_version("1.53") and call.inverter_with_data().locked


def _refused_as_locked() -> HttpResponse:
    payload = {"value": _LOCKED, "success": False, "message": "The inverter is locked."}
    return json_response(200, {"data": payload})


def _multi_read(call: ApiCall) -> HttpResponse:
    return _multi(call, "inverter_serials", "setting_id")


def _multi_write(call: ApiCall) -> HttpResponse:
    return _multi(call, "inverter_serials", "setting_id", "value")


def _multi(call: ApiCall, *required: str) -> HttpResponse:
    body = call.request.json_object()
    require_fields(body, *required)
    serials = body["inverter_serials"]
    if not isinstance(serials, list):
        raise ApiError.invalid(inverter_serials="The inverter serials must be an array.")
    responses = {}
    for serial in map(str, serials):
        device = call.state.find_inverter(serial)
        is_accessible = device is not None and call.state.hierarchy.may_access(
            call.account, device.account
        )
        responses[serial] = {"response": body.get("value", 1) if is_accessible else _UNKNOWN_DEVICE}
    return json_response(200, responses)


def _setting(call: ApiCall) -> Any:
    """Return the setting with the id in the path. Raises `ApiError` 404 for an unknown one."""
    serial = call.inverter_with_data().serial
    for row in call.listings.rows("settings", serial):
        if str(row["id"]) == call.parameters["id"]:
            return row
    raise ApiError.not_found()


def _request_data(call: ApiCall) -> HttpResponse:
    call.inverter_with_data()
    return json_response(200, {"success": True})


_INVERTER = "/inverter/{serial}"
LISTINGS = {"settings": SettingListing}
ENDPOINTS = (
    ApiEndpoint("GET", f"{_INVERTER}/settings", _SCOPE, _settings, name="settings"),
    ApiEndpoint("POST", f"{_INVERTER}/settings/{{id}}/read", _SCOPE, _read, reads=False),
    ApiEndpoint("POST", f"{_INVERTER}/settings/{{id}}/write", _SCOPE, _write, reads=False),
    ApiEndpoint("POST", "/multi-control/read", _SCOPE, _multi_read, reads=False),
    ApiEndpoint("POST", "/multi-control/write", _SCOPE, _multi_write, reads=False),
    ApiEndpoint(
        "GET", f"{_INVERTER}/request-data", "api:inverter:read", _request_data, reads=False
    ),
)
