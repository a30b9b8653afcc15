"""Settings of an inverter (contract, "Inverter Control"): their list, reading, writing.

Reading a value changes nothing, but reaches the inverter: it is counted apart (`device_reads`), can
be slow, and an inverter that does not answer gives a remote control code. Writing is a violation by
a read-only client. The definitions are invented, except for two that the contract shows.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.framework.parameters import is_required, require_fields
from simulator.http.messages import ApiError, HttpResponse, json_response

_SCOPE = "api:inverter:control"
_UNKNOWN_DEVICE, _INVALID = -3, -4
_FIRST_OF_UPDATES, _FIRST_OF_FILLERS = 401, 501
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
_MESSAGES = {
    -1: "The device did not answer in time",
    -2: "The device has no connection",
    -3: "There is no such device, or it is not yours",
    -4: "The setting cannot be read",
    -5: "Something went wrong",
    -6: "No server took the request",
    -7: "The device is locked",
}


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
        for filler in range(self.state.config.more_settings):
            kind = (_BOOLEAN, _TIME)[filler % 2]
            rows.append(_definition(_FIRST_OF_FILLERS + filler, f"Setting {filler + 1}", *kind))
        return rows


class SettingValueListing(SimulatedListing):
    """What the settings of an inverter are set to, of those that can be read."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return number and value in the order of the numbers."""
        values = self.state.inverter_values
        return [
            {
                "id": row["id"],
                "value": values.value(device_id, row["id"], row["validation_rules"]),
            }
            for row in SettingListing(self.state).generate(device_id, parameters)
            if "writeonly" not in row["validation_rules"]
        ]


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


def _row(call: ApiCall, serial: str, setting: str) -> Any:
    """Return the definition of a setting. Raises `ApiError` 404 for an unknown one."""
    for row in call.listings.rows("settings", serial):
        if str(row["id"]) == setting:
            return row
    raise ApiError.not_found()


def _read(call: ApiCall) -> HttpResponse:
    serial = call.inverter_with_data().serial
    row = _row(call, serial, call.parameters["id"])
    time.sleep(call.state.config.device_read_s)
    code, value, says_so = _answer(call, serial, row)
    if code is None:
        return json_response(200, {"data": {"value": value}})
    failure = {"success": False, "message": _MESSAGES[code]} if says_so else {}
    return json_response(200, {"data": {"value": code, **failure}})


def _answer(call: ApiCall, serial: str, row: Any) -> tuple[int | None, Any, bool]:
    """Return the code of an inverter that gives no value, the value, whether a failure says so."""
    values = call.state.inverter_values
    if (state := values.use_state(serial)) is not None:
        return state.code, None, state.says_so
    if "writeonly" in row["validation_rules"]:
        return _INVALID, None, True
    return None, values.value(serial, row["id"], row["validation_rules"]), True


def _write(call: ApiCall) -> HttpResponse:
    _row(call, call.inverter_with_data().serial, call.parameters["id"])
    value = call.request.json_object().get("value")
    if value is None:
        raise ApiError.invalid(value=is_required("value"))
    payload = {"value": value, "success": True, "message": "Written Successfully"}
    return json_response(200, {"data": payload})


def _multi_read(call: ApiCall) -> HttpResponse:
    def read(serial: str, body: dict[str, Any]) -> object:
        try:
            row = _row(call, serial, str(body["setting_id"]))
        except ApiError:
            return _INVALID
        code, value, _ = _answer(call, serial, row)
        return value if code is None else code

    response = _multi(call, read, "inverter_serials", "setting_id")
    time.sleep(call.state.config.device_read_s)
    return response


def _multi_write(call: ApiCall) -> HttpResponse:
    return _multi(call, lambda _, body: body["value"], "inverter_serials", "setting_id", "value")


def _multi(
    call: ApiCall, answer: Callable[[str, dict[str, Any]], object], *required: str
) -> HttpResponse:
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
        responses[serial] = {"response": answer(serial, body) if is_accessible else _UNKNOWN_DEVICE}
    return json_response(200, responses)


_SETTING = "/inverter/{serial}/settings/{id}"
LISTINGS = {"settings": SettingListing, "setting-values": SettingValueListing}
ENDPOINTS = (
    ApiEndpoint("GET", "/inverter/{serial}/settings", _SCOPE, _settings, name="settings"),
    ApiEndpoint("POST", f"{_SETTING}/read", _SCOPE, _read, asks_device=True, name="setting-values"),
    ApiEndpoint("POST", f"{_SETTING}/write", _SCOPE, _write, reads=False),
    ApiEndpoint(
        "POST",
        "/multi-control/read",
        _SCOPE,
        _multi_read,
        asks_device=True,
        name="multi-setting-values",
    ),
    ApiEndpoint("POST", "/multi-control/write", _SCOPE, _multi_write, reads=False),
)
