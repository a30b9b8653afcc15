"""GET /communication-device and …/{serial} (contract, "Communication Device")."""

import orjson

from simulator.answers import Answer, json_answer
from simulator.devices import Account, Device, describe
from simulator.endpoints import Call, Endpoint
from simulator.paging import PageWish, page_body

LISTING = "communication-device"


def _neighbour(account: Account, device: Device) -> Device | None:
    """The device before a Gateway: the All-In-One whose battery it lists again."""
    return next((d for d in account.devices if d.number == device.number - 1), None)


def _list(call: Call) -> Answer:
    wish = PageWish.of(call.request.query, call.world.config.page_size_cap(LISTING))
    if call.world.shift_due(LISTING):
        call.world.insert_device(call.account)
    now = call.world.now()
    devices = call.account.devices
    start = (wish.number - 1) * wish.size
    shown = range(start, min(start + wish.size, len(devices)))
    rows = [b""] * len(devices)
    for position in shown:
        device = devices[position]
        neighbour = _neighbour(call.account, device) if device.gateway else None
        rows[position] = orjson.dumps(describe(device, neighbour, now))
    return Answer(200, page_body(rows, wish, call.url))


def _show(call: Call) -> Answer:
    device = call.owned(call.world.communication_device(call.parameters["serial"]))
    described = describe(device, _neighbour(call.account, device), call.world.now())
    return json_answer(200, {"data": described})


ENDPOINTS = (
    Endpoint("GET", f"/{LISTING}", "api:inverter:list", _list),
    Endpoint("GET", f"/{LISTING}/{{serial}}", "api:inverter:read", _show),
)
