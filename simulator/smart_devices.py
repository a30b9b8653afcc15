"""Smart devices: who exists, and with which secret.

Belongs here: the devices of all accounts and how a listing describes them. Does not belong here:
what they measure (``smart_device_rows``).
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.config import SimulatorConfig
from simulator.devices import Account
from simulator.noise import key_of, uniform, uuid_of

_FIRST_REGISTERED = dt.date(2022, 9, 1)
_REGISTERED_SPREAD_DAYS = 300
_ALIASES = ("Immersion heater", "Washing machine", "Fridge", "Desk")


@dataclass(frozen=True, slots=True)
class SmartDevice:
    """A smart device of an account."""

    account: int
    number: int
    uuid: str
    key: int
    registered: dt.date

    def describe(self) -> dict[str, Any]:
        """As the API shows it; the local key is a secret with which one can command the device."""
        return {
            "uuid": self.uuid,
            "alias": _ALIASES[self.number % len(_ALIASES)],
            "other_data": {
                "graph_color": f"#{self.key % (1 << 24):06x}",
                "hardware_id": f"{self.key % (1 << 80):020x}",
                "local_key": f"{key_of('local key', self.uuid):016x}",
            },
        }


class SmartDevices:
    """All smart devices. Safe to use from several threads."""

    def __init__(self, config: SimulatorConfig, accounts: Sequence[Account]) -> None:
        """Each of ``accounts`` has as many as the settings say."""
        self._by_account = {
            account.number: [
                _build(config, account.number, number) for number in range(config.smart_devices)
            ]
            for account in accounts
        }
        self._by_uuid = {d.uuid: d for devices in self._by_account.values() for d in devices}

    def of(self, account: Account) -> list[SmartDevice]:
        """An account's smart devices in the order of listing."""
        return self._by_account.get(account.number, [])

    def get(self, uuid: str) -> SmartDevice | None:
        """The smart device with this UUID."""
        return self._by_uuid.get(uuid)

    def __getitem__(self, uuid: str) -> SmartDevice:
        """The smart device with this UUID. Raises ``KeyError`` for an unknown one."""
        if uuid not in self._by_uuid:
            raise KeyError(f"The simulator has no smart device {uuid!r}.")
        return self._by_uuid[uuid]


def _build(config: SimulatorConfig, account: int, number: int) -> SmartDevice:
    key = key_of("smart device", config.seed, account, number)
    spread = int(_REGISTERED_SPREAD_DAYS * float(uniform(key, 0)))
    return SmartDevice(
        account=account,
        number=number,
        uuid=uuid_of("smart device", config.seed, account, number),
        key=key,
        registered=config.commissioned or _FIRST_REGISTERED + dt.timedelta(days=spread),
    )
