"""Accounts and what is installed there, all of it invented.

Belongs here: who exists, with which serial numbers, and how a listing describes them. Does not
belong here: what the devices measure.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.config import AccountType, SimulatorConfig
from simulator.noise import key_of, one_uniform

Inverter = Literal["present", "null", "empty"]
_FIRST_COMMISSIONING = dt.date(2022, 1, 10)
_COMMISSIONING_SPREAD_DAYS = 600
_MODELS = ("GIV-HY5.0", "GIV-HY3.6", "All-In-One", "GIV-AC-3.0")


@dataclass(frozen=True, slots=True)
class Device:
    """A communication device and its inverter; ``serial`` is the inverter's."""

    account: int
    number: int
    serial: str
    datalog: str
    commissioned: dt.date
    gateway: bool = False
    gone: bool = False
    inverter: Inverter = "present"
    ems: bool = False
    batteries_replaced: int = 0
    firmware_updates: int = 0

    @property
    def has_data(self) -> bool:
        """Whether an inverter's data can be asked for: not of an EMS, which has its own."""
        return self.inverter == "present" and not self.gone and not self.ems


@dataclass(slots=True)
class Account:
    """An account, its personal data, and its communication devices in the order of listing.

    ``children`` are the numbers of the accounts that it has access to.
    """

    number: int
    profile: dict[str, Any]
    devices: list[Device] = field(default_factory=list)
    kind: AccountType = "customer"
    children: Sequence[int] = ()

    @property
    def id(self) -> str:
        """What the API calls it in paths."""
        return str(self.profile["id"])


def build_account(config: SimulatorConfig, number: int) -> Account:
    """The account with this number (1, 2, …)."""
    count = config.inverters
    gateways = set(range(count - config.gateways, count)) if config.gateways is not None else None
    devices = [
        build_device(
            config, number, i, gateway=i in gateways if gateways is not None else i % 10 == 2
        )
        for i in range(count)
    ]
    devices += [build_device(config, number, count + i, gone=True) for i in range(config.gone)]
    if config.bare_devices:
        after = count + config.gone
        devices.append(build_device(config, number, after, inverter="null"))
        devices.append(build_device(config, number, after + 1, inverter="empty"))
    for _ in range(config.ems):
        devices.append(build_device(config, number, len(devices), ems=True))
    return Account(number, _profile(config, number), devices)


def build_device(
    config: SimulatorConfig,
    account: int,
    index: int,
    *,
    gateway: bool = False,
    gone: bool = False,
    inverter: Inverter = "present",
    ems: bool = False,
) -> Device:
    """The account's device number ``index`` (from 0). X… is an inverter, W… its dongle."""
    round_of_letters, letter = divmod(account - 1, 26)
    thousands = round_of_letters * 10 + index // 1000
    mark = f"{chr(ord('A') + letter)}{thousands:04d}G{index % 1000:03d}"
    days = int(_COMMISSIONING_SPREAD_DAYS * one_uniform("commissioned", config.seed, mark))
    return Device(
        account=account,
        number=index,
        serial=f"X{mark}",
        datalog=f"W{mark}",
        commissioned=config.commissioned or _FIRST_COMMISSIONING + dt.timedelta(days=days),
        gateway=gateway,
        gone=gone,
        inverter=inverter,
        ems=ems,
    )


def _profile(config: SimulatorConfig, number: int) -> dict[str, Any]:
    return {
        "id": 900_000 + number,
        "name": f"sim.owner.{number}",
        "first_name": "Simone",
        "surname": "Lator",
        "role": "OWNER",
        "email": f"sim.owner.{number}@example.org",
        "address": f"{number} Invented Lane\nNowhere-on-Sea",
        "postcode": "ZZ99 9ZZ",
        "country": "UNITED_KINGDOM",
        "telephone_number": "0000 000 0000",
        "timezone": "GMT",
        "standard_timezone": config.timezone,
    }


def describe(device: Device, neighbour: Device | None, now: dt.datetime) -> dict[str, Any]:
    """A communication device as the listing shows it.

    A Gateway lists the battery of its ``neighbour`` (an All-In-One beside it) once more.
    """
    inverter: dict[str, Any] | None = None
    if device.inverter == "empty":
        inverter = {}
    elif device.inverter == "present":
        inverter = _describe_inverter(device, neighbour, now)
    return {
        "serial_number": device.datalog,
        "firmware_version": None if device.number % 4 == 0 else 206 + device.number % 7,
        "type": ("GPRS", "WIFI", "LAN")[device.number % 3],
        "commission_date": _midnight(device.commissioned),
        "inverter": inverter,
        "site_id": 70_000 + device.account,
    }


def _describe_inverter(
    device: Device, neighbour: Device | None, now: dt.datetime
) -> dict[str, Any]:
    seen = now - dt.timedelta(days=400 if device.gone else 0, seconds=key_of(device.serial) % 300)
    last_online = seen.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    batteries = [] if device.ems else [_battery(device)]
    if device.gateway and neighbour is not None:
        batteries.append(_battery(neighbour))
    model = _MODELS[key_of(device.serial) % len(_MODELS)]
    if device.gateway or device.ems:
        model = "Gateway" if device.gateway else "EMS"
    nominal: dict[str, Any] = {"nominal_capacity": 186, "nominal_voltage": 51.2}
    if device.number % 2:
        nominal["depth_of_discharge"] = 0.85
    return {
        "serial": device.serial,
        "status": "LOST" if device.gone else "NORMAL",
        "last_online": last_online,
        "last_updated": last_online,
        "commission_date": _midnight(device.commissioned),
        "info": {
            "battery_type": "LITHIUM",
            "battery": nominal if device.number % 7 != 5 else {},
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
                    "serial_number": 30_000_000 + device.number
                    if device.number % 2
                    else f"M{device.number:07d}",
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


def _battery(device: Device) -> dict[str, Any]:
    successor = f"N{device.batteries_replaced}" if device.batteries_replaced else ""
    return {
        "module_number": 1,
        "serial": f"B{device.serial[1:]}{successor}",
        "firmware_version": 3012 if device.number % 2 else "3012",
        "capacity": {"full": 167.4, "design": 160},
        "cell_count": 16,
        "has_usb": False,
        "nominal_voltage": 51.2,
    }


def _midnight(day: dt.date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
