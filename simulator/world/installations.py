"""Accounts and the devices installed there, all of them generated.

Belongs here: which communication devices, inverters and smart devices exist, with which serial
numbers. Does not belong here: what they measure, how listings describe them (`endpoints`).
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.config import AccountType, SimulatorConfig
from simulator.seeded_random import key_of, uniform, uniform_of, uuid_of

InverterPresence = Literal["present", "null", "empty"]
_FIRST_COMMISSIONING = dt.date(2022, 1, 10)
_COMMISSIONING_SPREAD_DAYS = 600
_FIRST_SMART_DEVICE = dt.date(2022, 9, 1)
_SMART_DEVICE_SPREAD_DAYS = 300


@dataclass(frozen=True, slots=True)
class SimulatedDevice:
    """A communication device and its inverter; `serial` is the inverter's."""

    account: int
    number: int
    serial: str
    datalog: str
    commissioned: dt.date
    gateway: bool = False
    gone: bool = False
    inverter: InverterPresence = "present"
    ems: bool = False
    has_battery: bool = True
    batteries_replaced: int = 0
    firmware_updates: int = 0

    @property
    def has_data(self) -> bool:
        """Whether the inverter has data; that of an EMS has an endpoint of its own."""
        return self.inverter == "present" and not self.gone and not self.ems


@dataclass(slots=True)
class SimulatedAccount:
    """An account, its personal data, and its communication devices in the order of listing.

    `children` are the numbers of the accounts that it has access to.
    """

    number: int
    profile: dict[str, Any]
    devices: list[SimulatedDevice] = field(default_factory=list)
    kind: AccountType = "customer"
    children: Sequence[int] = ()

    @property
    def id(self) -> str:
        """The id in the API's paths."""
        return str(self.profile["id"])

    @property
    def home_meter(self) -> SimulatedDevice | None:
        """The device that measures the home's whole load: the first Gateway or first inverter."""
        measuring = [device for device in self.devices if device.has_data]
        return min(measuring, key=lambda d: (not d.gateway, d.number), default=None)


def build_account(config: SimulatorConfig, number: int) -> SimulatedAccount:
    """Build the account with this number (1, 2, …)."""
    count = config.inverters
    gateways = set(range(count - config.gateways, count)) if config.gateways is not None else None
    devices = [
        build_device(
            config, number, i, gateway=i in gateways if gateways is not None else i % 10 == 2
        )
        for i in range(count)
    ]
    devices += [build_device(config, number, count + i, gone=True) for i in range(config.gone)]
    if config.odd_devices:
        after = count + config.gone
        devices.append(build_device(config, number, after, inverter="null"))
        devices.append(build_device(config, number, after + 1, inverter="empty"))
    for _ in range(config.ems):
        devices.append(build_device(config, number, len(devices), ems=True))
    return SimulatedAccount(number, _profile(config, number), devices)


def build_device(
    config: SimulatorConfig,
    account: int,
    index: int,
    *,
    gateway: bool = False,
    gone: bool = False,
    inverter: InverterPresence = "present",
    ems: bool = False,
) -> SimulatedDevice:
    """Build the account's device number `index` (from 0). X… is an inverter, W… its dongle."""
    round_of_letters, letter = divmod(account - 1, 26)
    thousands = round_of_letters * 10 + index // 1000
    mark = f"{chr(ord('A') + letter)}{thousands:04d}G{index % 1000:03d}"
    days = int(_COMMISSIONING_SPREAD_DAYS * uniform_of("commissioned", config.seed, mark))
    return SimulatedDevice(
        account=account,
        number=index,
        serial=f"X{mark}",
        datalog=f"W{mark}",
        commissioned=config.commissioned or _FIRST_COMMISSIONING + dt.timedelta(days=days),
        gateway=gateway,
        gone=gone,
        inverter=inverter,
        ems=ems,
        has_battery=index >= config.without_battery,
    )


def _profile(config: SimulatorConfig, number: int) -> dict[str, Any]:
    profile = {
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
    if config.has_version("1.35"):
        # Null for an account without a company.
        profile["company"] = f"Invented Energy {number} Ltd" if number % 2 else None
    return profile


@dataclass(frozen=True, slots=True)
class SmartDevice:
    """A smart device of an account."""

    account: int
    number: int
    uuid: str
    key: int
    registered: dt.date


class SmartDeviceRegistry:
    """All smart devices."""

    def __init__(self, config: SimulatorConfig, accounts: Sequence[SimulatedAccount]) -> None:
        """Create for each account the number in the settings."""
        self._by_account = {
            account.number: [
                _smart_device(config, account.number, number)
                for number in range(config.smart_devices)
            ]
            for account in accounts
        }
        self._by_uuid = {d.uuid: d for devices in self._by_account.values() for d in devices}

    def of(self, account: SimulatedAccount) -> list[SmartDevice]:
        """Return an account's smart devices in the order of listing."""
        return self._by_account.get(account.number, [])

    def get(self, uuid: str) -> SmartDevice | None:
        """Return the smart device with this UUID."""
        return self._by_uuid.get(uuid)

    def __getitem__(self, uuid: str) -> SmartDevice:
        """Return the smart device with this UUID. Raises `KeyError` for an unknown one."""
        if uuid not in self._by_uuid:
            raise KeyError(f"The simulator has no smart device {uuid!r}.")
        return self._by_uuid[uuid]


def _smart_device(config: SimulatorConfig, account: int, number: int) -> SmartDevice:
    key = key_of("smart device", config.seed, account, number)
    days = int(_SMART_DEVICE_SPREAD_DAYS * float(uniform(key, 0)))
    return SmartDevice(
        account=account,
        number=number,
        uuid=uuid_of("smart device", config.seed, account, number),
        key=key,
        registered=config.commissioned or _FIRST_SMART_DEVICE + dt.timedelta(days=days),
    )
