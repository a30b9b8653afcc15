"""What an account lacks: endpoints that its type, plan, token or devices do not have.

One refused request shows it; it is remembered and tried again weekly: plans and tokens change.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from warehouse import Lake

_KEY = "unavailable"
_RETRIED_AFTER = timedelta(days=7)


class _Note(msgspec.Struct):
    why: str
    at: datetime


def _notes(stored: Any) -> dict[str, dict[str, _Note]]:
    return msgspec.convert(stored or {}, dict[str, dict[str, _Note]])


class Availability:
    """What is unavailable of one dataset, by device; "" stands for all of it."""

    def __init__(self, lake: Lake, dataset: str) -> None:
        self._lake = lake
        self._dataset = dataset
        self._known = _notes(lake.state.get(_KEY)).get(dataset, {})

    def why(self, device_id: str, now: datetime) -> str | None:
        """Return why a device's data is not requested now; None if it is."""
        for key in ("", device_id):
            note = self._known.get(key)
            if note is not None and now - note.at < _RETRIED_AFTER:
                return note.why
        return None

    def note(self, device_id: str, why: str, now: datetime) -> str:
        """Remember that a device's data, or all of it (""), is unavailable; return the reason."""

        def add(stored: object) -> object:
            notes = _notes(stored)
            notes.setdefault(self._dataset, {})[device_id] = _Note(why, now)
            return msgspec.to_builtins(notes)

        self._known = {**self._known, device_id: _Note(why, now)}
        self._lake.state.update(_KEY, add)
        return why

    def forget(self, device_id: str) -> None:
        """Forget that a device's data was unavailable: it has come."""
        if not self._known.keys() & {"", device_id}:
            return

        def remove(stored: object) -> object:
            notes = _notes(stored)
            for key in ("", device_id):
                notes.get(self._dataset, {}).pop(key, None)
            return msgspec.to_builtins(notes)

        self._known = {k: v for k, v in self._known.items() if k not in ("", device_id)}
        self._lake.state.update(_KEY, remove)


def unavailable(lake: Lake) -> dict[str, dict[str, str]]:
    """Return what is unavailable, and why, by dataset and device ("" is all of it)."""
    return {
        dataset: {device: note.why for device, note in notes.items()}
        for dataset, notes in _notes(lake.state.get(_KEY)).items()
        if notes
    }
