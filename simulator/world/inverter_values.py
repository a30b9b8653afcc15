"""What each setting of an inverter is set to, and whether the inverter answers when it is asked.

Belongs here: the values, and the states in which an inverter gives none. Does not belong here:
which settings there are, the responses (`simulator.endpoints.inverter_settings`).
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.config import SimulatorConfig
from simulator.seeded_random import uniform_of


@dataclass(slots=True)
class DeviceState:
    """Why an inverter gives no value: a remote control code, for a number of reads (None: all).

    `says_so` is False if the response has nothing but the code.
    """

    code: int
    reads: int | None = None
    says_so: bool = True


class InverterValues:
    """The values of all inverters' settings. Safe to use from several threads."""

    def __init__(self, config: SimulatorConfig) -> None:
        """Start with values that follow from the seed, and inverters that answer."""
        self._seed = config.seed
        self._set: dict[tuple[str, int], Any] = {}
        self._states: dict[str, DeviceState] = {}
        self._lock = threading.Lock()

    def set_value(self, serial: str, setting: int, value: Any) -> None:
        """Set a setting, as somebody does with the vendor's app."""
        with self._lock:
            self._set[serial, setting] = value

    def set_state(self, serial: str, state: DeviceState | None) -> None:
        """Let an inverter give a code in place of values from now on; None: it answers again."""
        with self._lock:
            if state is None:
                self._states.pop(serial, None)
            else:
                self._states[serial] = state

    def value(self, serial: str, setting: int, rules: Sequence[str]) -> Any:
        """Return what a setting is set to: what was set, or what passes its rules."""
        with self._lock:
            if (serial, setting) in self._set:
                return self._set[serial, setting]
        return _value_by_rules(rules, uniform_of("setting", self._seed, serial, setting))

    def use_state(self, serial: str) -> DeviceState | None:
        """Count a read; return the state in which the inverter is, None if it answers."""
        with self._lock:
            state = self._states.get(serial)
            if state is None or state.reads == 0:
                return None
            if state.reads is not None:
                state.reads -= 1
            return state


def _value_by_rules(rules: Sequence[str], number: float) -> object:
    """Return a value that passes a setting's rules; `number` is in [0, 1)."""
    rule, _, arguments = rules[-1].partition(":")
    if rule == "boolean":
        return number < 0.5
    if rule == "date_format":
        return f"{int(number * 24):02}:30"
    if rule == "bitwise":
        return "1,2"
    if rule == "alpha":
        return "SIM123"
    numbers = [int(each) for each in arguments.split(",")]
    if rule == "between":
        low, high = numbers
        return low + int(number * (high - low + 1))
    return numbers[int(number * len(numbers))]
