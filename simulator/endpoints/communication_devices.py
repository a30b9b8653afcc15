"""GET /communication-device and …/{serial} (contract, "Communication Device")."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import LazyRows, Parameters, SimulatedListing
from simulator.http.messages import HttpResponse
from simulator.seeded_random import key_of
from simulator.world.cloud_state import CloudState
from simulator.world.energy import BATTERY_V
from simulator.world.households import rounded
from simulator.world.installations import SimulatedAccount, SimulatedDevice
from simulator.world.local_calendar import utc_text

LISTING = "communication-device"
_DEPTH_OF_DISCHARGE = 0.85
# A battery corrects what it takes for its full capacity only now and then.
_RECALIBRATED_DAYS = 30
_MODELS = ("GIV-HY5.0", "GIV-HY3.6", "All-In-One", "GIV-AC-3.0")


class CommunicationDeviceListing(SimulatedListing):
    """All devices that an account may access, by its id; one device, by its serial number.

    Whether an account's list includes its children's devices is `children_devices_listed` in the
    settings: the contract says "all devices the account has access to" and shows no example.
    """

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the devices in the order of listing."""
        account = self.state.hierarchy.by_id(device_id)
        if account is None:
            device = self.state.find_communication_device(device_id)
            if device is None:
                raise KeyError(f"The simulator has no communication device {device_id!r}.")
            return device_rows(self.state, [device])
        devices = account.devices
        if self.state.config.children_devices_listed:
            children = self.state.hierarchy.children_of(account)
            devices = devices + [device for child in children for device in child.devices]
        return device_rows(self.state, devices)


def device_rows(state: CloudState, devices: Sequence[SimulatedDevice]) -> Sequence[Any]:
    """Return the rows of these devices."""
    now = state.now()

    def rows(shown: slice) -> list[dict[str, Any]]:
        return [
            _described(state, device, _neighbour(state.accounts[device.account], device), now)
            for device in devices[shown]
        ]

    return LazyRows(len(devices), rows)


def _neighbour(account: SimulatedAccount, device: SimulatedDevice) -> SimulatedDevice | None:
    """Return the device before a Gateway: the All-In-One whose battery it lists again."""
    if not device.gateway:
        return None
    return next((d for d in account.devices if d.number == device.number - 1), None)


def _described(
    state: CloudState, device: SimulatedDevice, neighbour: SimulatedDevice | None, now: dt.datetime
) -> dict[str, Any]:
    """Return a device as listed; a Gateway also lists the battery of its `neighbour`."""
    inverter: dict[str, Any] | None = None
    if device.inverter == "empty":
        inverter = {}
    elif device.inverter == "present":
        inverter = _describe_inverter(state, device, neighbour, now)
    return {
        "serial_number": device.datalog,
        "firmware_version": None if device.number % 4 == 0 else 206 + device.number % 7,
        "type": ("GPRS", "WIFI", "LAN")[device.number % 3],
        "commission_date": _midnight(device.commissioned),
        "inverter": inverter,
        "site_id": 70_000 + device.account,
    }


def _describe_inverter(
    state: CloudState, device: SimulatedDevice, neighbour: SimulatedDevice | None, now: dt.datetime
) -> dict[str, Any]:
    seen = now - dt.timedelta(days=400 if device.gone else 0, seconds=key_of(device.serial) % 300)
    last_online = utc_text(seen.timestamp())
    has_battery = device.has_battery and not device.ems
    batteries = [_battery(state, device, now)] if has_battery else []
    if device.gateway and neighbour is not None and neighbour.has_battery:
        batteries.append(_battery(state, neighbour, now))
    model = _MODELS[key_of(device.serial) % len(_MODELS)]
    if device.gateway or device.ems:
        model = "Gateway" if device.gateway else "Plant EMS"
    # Recorded of every device whose list has the battery's nominal values.
    nominal = {
        "nominal_capacity": state.households.of(device).plant.battery_ah,
        "nominal_voltage": BATTERY_V,
        "depth_of_discharge": _DEPTH_OF_DISCHARGE,
    }
    return {
        "serial": device.serial,
        "status": "LOST" if device.gone else "NORMAL",
        "last_online": last_online,
        "last_updated": last_online,
        "commission_date": _midnight(device.commissioned),
        "info": {
            "battery_type": "LITHIUM",
            "battery": nominal if device.has_battery and device.number % 7 != 5 else {},
            "model": model,
            "max_charge_rate": 3600,
        },
        "warranty": {
            "type": "Standard",
            "expiry_date": _midnight(device.commissioned + dt.timedelta(days=3652)),
        },
        "firmware_version": {
            "ARM": 616 + device.number % 5 + device.firmware_updates,
            "DSP": 616,
        },
        "connections": {
            "batteries": batteries,
            "meters": [
                {
                    "address": 1,
                    # Recorded ones are integers; a client must accept text.
                    "serial_number": f"M{device.number:07d}"
                    if device.number % 4 == 3
                    else 30_000_000 + device.number,
                    "manufacturer_code": "1179713813",
                    "type_code": 277,
                    "hardware_version": 1,
                    "software_version": 1,
                    "baud_rate": 9600,
                }
            ],
        },
        "flags": ["full-power-discharge-in-eco-mode"] if device.number % 3 else [],
    }


def _battery(state: CloudState, device: SimulatedDevice, now: dt.datetime) -> dict[str, Any]:
    household = state.households.of(device)
    age_days = (now.date() - device.commissioned).days
    recalibrated = household.first_day + age_days // _RECALIBRATED_DAYS * _RECALIBRATED_DAYS
    full_kwh = float(household.battery_kwh(np.array([recalibrated]))[0])
    successor = f"N{device.batteries_replaced}" if device.batteries_replaced else ""
    return {
        "module_number": 1,
        "serial": f"B{device.serial[1:]}{successor}",
        "firmware_version": 3012 if device.number % 2 else "3012",
        "capacity": {
            "full": rounded(full_kwh * 1000 / BATTERY_V, 1),
            "design": household.plant.battery_ah,
        },
        "cell_count": 16,
        "has_usb": False,
        "nominal_voltage": BATTERY_V,
    }


def _midnight(day: dt.date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _list(call: ApiCall) -> HttpResponse:
    if call.state.is_shift_due(LISTING):
        call.state.insert_device(call.account)
    return call.page(LISTING, call.account.id)


def _show(call: ApiCall) -> HttpResponse:
    device = call.accessible(call.state.find_communication_device(call.parameters["serial"]))
    return call.one(LISTING, device.datalog)


LISTINGS = {LISTING: CommunicationDeviceListing}
ENDPOINTS = (
    ApiEndpoint("GET", f"/{LISTING}", "api:inverter:list", _list, name=LISTING),
    ApiEndpoint("GET", f"/{LISTING}/{{serial}}", "api:inverter:read", _show, name=LISTING),
)
