"""Communication devices as listed: those of an account, those of the accounts below it.

Belongs here: which devices a list holds. Does not belong here: how one is described (``devices``).
"""

from collections.abc import Sequence
from typing import Any

from simulator.devices import Account, Device, describe
from simulator.listings import LazyRows, Parameters
from simulator.world import World


class CommunicationDevices:
    """The listing "communication-device"; by an account's id all it sees, by a serial number one.

    Whether an account sees its children's devices here is ``children_devices_listed`` in the
    settings: the contract speaks of all that one has access to and shows no example.
    """

    def __init__(self, world: World) -> None:
        """Of all accounts of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The devices in the order of listing."""
        account = self._world.family.by_id(device_id)
        if account is None:
            device = self._world.communication_device(device_id)
            if device is None:
                raise KeyError(f"The simulator has no communication device {device_id!r}.")
            return _rows(self._world, [device])
        devices = account.devices
        if self._world.config.children_devices_listed:
            below = self._world.family.children_of(account)
            devices = devices + [device for child in below for device in child.devices]
        return _rows(self._world, devices)

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


class AccountDevices:
    """The listing "account-devices"; by an account's id, its own devices."""

    def __init__(self, world: World) -> None:
        """Of all accounts of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The devices in the order of listing."""
        account = self._world.family.by_id(device_id)
        if account is None:
            raise KeyError(f"The simulator has no account {device_id!r}.")
        return _rows(self._world, account.devices)

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


def _rows(world: World, devices: Sequence[Device]) -> Sequence[Any]:
    now = world.now()

    def rows(shown: slice) -> list[dict[str, Any]]:
        return [
            describe(device, _neighbour(world.accounts[device.account], device), now)
            for device in devices[shown]
        ]

    return LazyRows(len(devices), rows)


def _neighbour(account: Account, device: Device) -> Device | None:
    """The device before a Gateway: the All-In-One whose battery it lists again."""
    if not device.gateway:
        return None
    return next((d for d in account.devices if d.number == device.number - 1), None)
