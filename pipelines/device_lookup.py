"""Find the devices that a person names, by identifier, serial number or alias."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from assets.framework.contract.devices import Device
from pipelines.suggestions import did_you_mean

_LISTED = 5


class UnknownDeviceError(Exception):
    """A name that no device has, or several have; the message says what to do."""


def ids_of(devices: Sequence[Device], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the identifiers of devices of the account that are named, each once.

    Raises:
        UnknownDeviceError: No device or several devices have a name.
    """
    names: dict[str, set[str]] = defaultdict(set)
    for device in devices:
        for name in (device.device_id, device.serial, device.alias):
            if name:
                names[name].add(device.device_id)
    return tuple(resolve_devices(wanted, names, "the account"))


def resolve_devices(
    wanted: Sequence[str], names: Mapping[str, set[str]], place: str = "the data folder"
) -> list[str]:
    """Return the identifiers of devices that are named in any capitals, each once.

    Args:
        wanted: Names, as the owner writes them.
        names: Identifiers by name.
        place: What has these devices, for messages.

    Raises:
        UnknownDeviceError: No device or several devices have a name.
    """
    folded: dict[str, set[str]] = defaultdict(set)
    for name, device_ids in names.items():
        folded[name.casefold()] |= device_ids
    chosen = []
    for name in wanted:
        found = sorted(names.get(name) or folded[name.casefold()])
        if len(found) > 1:
            raise UnknownDeviceError(
                f"Several devices have the name {name!r}: name one of {', '.join(found)} instead."
            )
        if not found:
            raise UnknownDeviceError(f"Unknown device {name!r}{_advice(name, names, place)}")
        chosen += found
    return list(dict.fromkeys(chosen))


def _advice(name: str, names: Mapping[str, set[str]], place: str) -> str:
    if hint := did_you_mean(name, names):
        return f". {hint}"
    # The shortest name of each device is that which people know: no UUID where there is another.
    shortest: dict[str, str] = {}
    for known_name in sorted(names, key=len, reverse=True):
        shortest |= dict.fromkeys(names[known_name], known_name)
    known = sorted(shortest.values())
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f": {place} has {', '.join(known[:_LISTED]) or 'none'}{more}."
