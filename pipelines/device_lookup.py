"""Find the devices that a person names, by identifier or serial number."""

from collections.abc import Sequence

from assets.framework.contract.devices import Device

_NAMED = 5


class UnknownDeviceError(Exception):
    """A device that was named is not in the account."""


def ids_of(devices: Sequence[Device], names: Sequence[str]) -> tuple[str, ...]:
    """Return the identifiers of devices that are named by it or by their serial number.

    Raises:
        UnknownDeviceError: One of them is not among the devices.
    """
    by_name = {device.serial: device.device_id for device in devices if device.serial}
    by_name |= {device.device_id: device.device_id for device in devices}
    for name in names:
        if name not in by_name:
            shown = sorted(device.serial or device.device_id for device in devices)
            listed = ", ".join(shown[:_NAMED]) or "none"
            more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
            raise UnknownDeviceError(f"Unknown device {name!r}: the account has {listed}{more}.")
    return tuple(by_name[name] for name in names)
