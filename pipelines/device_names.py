"""The names of devices, for people; commands and tables take the identifiers of the API."""

from assets.framework.contract.devices import Devices
from pipelines.known_devices import known_devices
from warehouse.lake import Lake


class DeviceNames(dict[str, str]):
    """Names by identifier; a device that is in no list has its identifier as its name."""

    def __init__(self, devices: Devices) -> None:
        """Take the names of devices by kind."""
        super().__init__((d.device_id, d.name) for of_kind in devices.values() for d in of_kind)

    def __missing__(self, device_id: str) -> str:
        """Return the identifier."""
        return device_id

    def of_subject(self, subject: str) -> str:
        """Return a device and its part, such as a meter, with the device's name."""
        device_id, space, part = subject.partition(" ")
        return f"{self[device_id]}{space}{part}"


def device_names(lake: Lake) -> DeviceNames:
    """Return the names of the devices of the last discovery, without a request."""
    return DeviceNames(known_devices(lake))
