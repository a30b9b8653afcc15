"""What can be set on an inverter: settings and presets, as lists describe them.

Belongs here: definitions, invented but for the two that the contract shows. Does not belong here:
answers to commands (``endpoints.inverter_control``).
"""

from collections.abc import Sequence
from typing import Any

from simulator.devices import Device
from simulator.listings import Parameters
from simulator.world import World

_FIRST_OF_UPDATES = 401
_BOOLEAN = ("Write true or false", "boolean")
_TIME = ("Write a time as HH:mm, such as 05:30", "date_format:H:i")
_SETTINGS = (
    (17, "Limit Charging From Grid", *_BOOLEAN),
    (266, "DC Discharge 3 End Time", *_TIME),
    (301, "Night Charge Start", *_TIME),
    (302, "Night Charge End", *_TIME),
    (303, "Night Charge Target", "Write a number from 4 to 100", "between:4,100"),
    (304, "Standby Level", "Write 0 for off, 1 for low or 2 for high", "in:0,1,2"),
    (
        306,
        "Boiler Relay Channels",
        "Write channels from 1 to 4 with commas between, or nothing",
        "bitwise:4",
    ),
    (307, "Site Code", "Write 6 letters or digits", "alpha:6"),
)


class Settings:
    """The listing "settings"; each firmware update brings one more."""

    def __init__(self, world: World) -> None:
        """Of all inverters of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The definitions in the order of their ids."""
        device = _inverter(self._world, device_id)
        rows = [_definition(*setting) for setting in _SETTINGS]
        most = 6000 if device.gateway else 3600
        rows.append(
            _definition(
                311, "Charge Power", f"Write a number from 0 to {most}", f"between:0,{most}"
            )
        )
        restart = _definition(312, "Restart", "Write 100", "writeonly", "exact:100")
        rows.append(restart)
        for update in range(device.firmware_updates):
            number = _FIRST_OF_UPDATES + update
            rows.append(_definition(number, f"Feature {update + 1} Of An Update", *_BOOLEAN))
        return rows

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


class Presets:
    """The listing "presets"."""

    def __init__(self, world: World) -> None:
        """Of all inverters of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The definitions in the order of their ids."""
        _inverter(self._world, device_id)
        enabled = {
            "description": "Turn the preset on or off",
            "validation": ["required", "boolean"],
        }
        slot = {
            "description": "A time of the day",
            "validation": ["optional", "date_format:H:i"],
        }
        return [
            {
                "id": 0,
                "name": "Eco",
                "description": "Use what the sun gives and import as little as possible",
                "parameters": {"enabled": enabled},
            },
            {
                "id": 1,
                "name": "Timed Charge",
                "description": "Charge the battery between two times",
                "parameters": {"enabled": enabled, "start": slot, "end": slot},
            },
            {
                "id": 5,
                "name": "Leave Alone",
                "description": "Neither charge nor discharge",
                "parameters": {},
            },
        ]

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """All of them: there is no filter."""
        return rows


def plausible_value(rules: Sequence[str]) -> object:
    """A value that passes a setting's rules, for an answer to a command."""
    rule, _, arguments = rules[-1].partition(":")
    if rule == "boolean":
        return True
    if rule == "date_format":
        return "05:30"
    if rule == "bitwise":
        return "1,2"
    if rule == "alpha":
        return "SIM123"
    return int(arguments.split(",")[-1])


def _definition(number: int, name: str, validation: str, *rules: str) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "validation": validation,
        "validation_rules": list(rules),
    }


def _inverter(world: World, serial: str) -> Device:
    device = world.inverter(serial)
    if device is None:
        raise KeyError(f"The simulator has no inverter {serial!r}.")
    return device
