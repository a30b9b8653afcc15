"""GET /smart-device, …/{uuid}, …/{uuid}/data (contract, "Smart Device").

The contract prints a single device as a list, too, so this does. Both POSTs write.
"""

import orjson

from simulator.answers import Answer, ApiError, json_answer
from simulator.endpoints import Call, Endpoint
from simulator.smart_device_rows import SmartDeviceData, SmartDeviceList

LISTING = "smart-device"
DATA_LISTING = "smart-device-data"


def _uuid(call: Call) -> str:
    device = call.world.smart_devices.get(call.parameters["uuid"])
    if device is None:
        raise ApiError(404, "The requested resource could not be found.")
    call.permit(device.account)
    return device.uuid


def _list(call: Call) -> Answer:
    return call.page(LISTING, call.account.id)


def _show(call: Call) -> Answer:
    return json_answer(200, {"data": call.world.listings.rows(LISTING, _uuid(call))})


def _data(call: Call) -> Answer:
    return call.page(DATA_LISTING, _uuid(call))


def _create(call: Call) -> Answer:
    _require(call, "serial_number", "alias", "product_name", "manufacturer")
    return json_answer(201, {"data": call.world.listings.rows(LISTING, call.account.id)})


def _create_data(call: Call) -> Answer:
    _uuid(call)
    given = _require(call, "time", "power")
    return json_answer(201, {"data": [{"time": given["time"], "power": given["power"]}]})


def _require(call: Call, *names: str) -> dict[str, object]:
    """The body. Raises ``ApiError`` 422 for each name that it lacks."""
    try:
        given = orjson.loads(call.request.body or b"{}")
    except orjson.JSONDecodeError:
        given = {}
    if not isinstance(given, dict):
        given = {}
    errors = {
        name: f"The {name.replace('_', ' ')} field is required."
        for name in names
        if given.get(name) is None
    }
    if errors:
        raise ApiError.invalid(**errors)
    return given


_DEVICE = f"/{LISTING}/{{uuid}}"
ENDPOINTS = (
    Endpoint("GET", f"/{LISTING}", "api:smart-device:list", _list, name=LISTING),
    Endpoint("GET", _DEVICE, "api:smart-device:read", _show, name=LISTING),
    Endpoint("GET", f"{_DEVICE}/data", "api:smart-device:data", _data, name=DATA_LISTING),
    Endpoint("POST", f"/{LISTING}", "api:smart-device:create", _create, reads=False),
    Endpoint("POST", f"{_DEVICE}/data", "api:smart-device:data", _create_data, reads=False),
)
LISTINGS = {LISTING: SmartDeviceList, DATA_LISTING: SmartDeviceData}
