"""GET /communication-device and …/{serial} (contract, "Communication Device")."""

from simulator.answers import Answer
from simulator.device_rows import CommunicationDevices
from simulator.endpoints import Call, Endpoint

LISTING = "communication-device"


def _list(call: Call) -> Answer:
    if call.world.shift_due(LISTING):
        call.world.insert_device(call.account)
    return call.page(LISTING, call.account.id)


def _show(call: Call) -> Answer:
    device = call.owned(call.world.communication_device(call.parameters["serial"]))
    return call.one(LISTING, device.datalog)


ENDPOINTS = (
    Endpoint("GET", f"/{LISTING}", "api:inverter:list", _list, name=LISTING),
    Endpoint("GET", f"/{LISTING}/{{serial}}", "api:inverter:read", _show, name=LISTING),
)
LISTINGS = {LISTING: CommunicationDevices}
