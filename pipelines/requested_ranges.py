"""What the owner has asked for so far: the ranges of days that `sync` keeps complete.

A backfill that was killed is finished by the next `sync`, as its range stands here.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from warehouse import Lake

_KEY = "requested_ranges"
_SYNCED_KEY = "synced_until"
_ALL_DEVICES = "*"

Range = tuple[date, date]
_Wishes = dict[str, dict[str, list[Range]]]  # by dataset and device


def remember(lake: Lake, dataset: str, device_ids: Sequence[str], start: date, end: date) -> None:
    """Note that days of devices (none: all of them) are wanted."""

    def add(stored: object) -> object:
        wishes = msgspec.convert(stored or {}, _Wishes)
        of_dataset = wishes.setdefault(dataset, {})
        for device_id in device_ids or [_ALL_DEVICES]:
            of_dataset[device_id] = joined([*of_dataset.get(device_id, []), (start, end)])
        return msgspec.to_builtins(wishes)

    lake.state.update(_KEY, add)


def remember_sync(lake: Lake, dataset: str, today: date) -> None:
    """Note that days of all devices are wanted from yesterday, or the last sync, until today."""
    yesterday = today - timedelta(days=1)
    synced = msgspec.convert(lake.state.get(_SYNCED_KEY, {}), dict[str, date])
    first = min(synced.get(dataset, yesterday), yesterday)
    remember(lake, dataset, (), first, today)
    keep_current(lake, dataset, first, today)


def keep_current(lake: Lake, dataset: str, first: date, today: date) -> None:
    """Let the next sync go on from today, if nothing before the first day is left to it."""

    def note(stored: object) -> object:
        synced = msgspec.convert(stored or {}, dict[str, date])
        if synced.get(dataset, first) < first - timedelta(days=1):
            return stored
        return msgspec.to_builtins({**synced, dataset: today})

    lake.state.update(_SYNCED_KEY, note)


def ranges_for(lake: Lake, dataset: str, device_id: str) -> list[Range]:
    """List the wanted ranges of a device, those wanted of all devices included."""
    wishes = msgspec.convert(lake.state.get(_KEY, {}), _Wishes).get(dataset, {})
    return joined([*wishes.get(_ALL_DEVICES, []), *wishes.get(device_id, [])])


def joined(ranges: Sequence[Range]) -> list[Range]:
    """Join ranges that overlap or follow each other."""
    together: list[Range] = []
    for first, last in sorted(ranges):
        if together and first <= together[-1][1] + timedelta(days=1):
            together[-1] = (together[-1][0], max(together[-1][1], last))
        else:
            together.append((first, last))
    return together
