"""What the presets of an inverter are set to, and when that changes.

Belongs here: the values from the beginning, drawn by seed, and the changes that a test schedules.
Does not belong here: which presets an inverter has and how they are listed (`endpoints`).
"""

import datetime as dt
import threading
from bisect import insort
from typing import Any

from simulator.seeded_random import uniform_of


class PresetSchedules:
    """The values of all presets over time. Safe to use from several threads."""

    def __init__(self, seed: int) -> None:
        """Start with values that follow from the seed."""
        self._seed = seed
        self._changes: dict[tuple[str, str], list[tuple[dt.datetime, int, Any]]] = {}
        self._lock = threading.Lock()

    def set(self, serial: str, identifier: str, values: Any, at: dt.datetime) -> None:
        """Set a preset at a moment; of two changes at one moment the later call counts."""
        with self._lock:
            changes = self._changes.setdefault((serial, identifier), [])
            insort(changes, (at, len(changes), values), key=lambda change: change[:2])

    def values(self, serial: str, identifier: str, at: dt.datetime) -> Any:
        """Return the values at a moment, None for a preset that was never set."""
        with self._lock:
            past = [c for c in self._changes.get((serial, identifier), ()) if c[0] <= at]
        return past[-1][2] if past else self._initial(serial, identifier)

    def _initial(self, serial: str, identifier: str) -> Any:
        def draw(name: str, *choices: Any) -> Any:
            chance = uniform_of("preset", self._seed, serial, identifier, name)
            return choices[int(chance * len(choices))]

        def slot(start: str, hours: int, percent: int | None) -> dict[str, Any]:
            end = f"{(int(start[:2]) + hours) % 24:02d}:{start[3:]}"
            return {"start_time": start, "end_time": end, "percent_limit": percent}

        enabled = {"enabled": draw("enabled", True, False)}
        night = slot(draw("start", "23:30", "00:30", "02:00"), 5, draw("percent", 80, 95, 100))
        unset = slot("00:00", 0, None)
        evening = slot(draw("start", "16:00", "17:30"), 2, draw("percent", 4, 10, 20))
        return {
            "timed-charge": {**enabled, "slots": [night], "max_power_watts": 3000},
            "timed-discharge": {**enabled, "slots": [evening]},
            "timed-export": {"enabled": False, "slots": [evening, unset]},
            "pause-battery": {"mode": draw("mode", 0, 0, 1, 2, 3), "slots": [unset]},
            "generator-mode": {
                "enabled": False, "start_soc": 20, "stop_soc": 80, "charge_power_percent": 50,
            },
            "battery-operating-range": None,
        }.get(identifier, enabled)  # fmt: skip
