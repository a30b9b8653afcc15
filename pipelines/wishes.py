"""What the owner has asked for so far: the ranges of days that `sync` keeps complete.

A backfill that was killed is finished by the next `sync`, as its range stands here.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from warehouse import Lake

_KEY = "wished_ranges"
ALL_DEVICES = "*"


def remember(lake: Lake, dataset: str, device_ids: Sequence[str], start: date, end: date) -> None:
    """Note that days of devices (none: all of them) are wanted."""
    wishes = lake.settings.get(_KEY, {})
    for device_id in device_ids or [ALL_DEVICES]:
        ranges = wishes.setdefault(dataset, {}).setdefault(device_id, [])
        ranges.append([start.isoformat(), end.isoformat()])
        wishes[dataset][device_id] = _joined(ranges)
    lake.settings.set(_KEY, wishes)


def ranges_for(lake: Lake, dataset: str, device_id: str) -> list[tuple[date, date]]:
    """List the wanted ranges of a device, those wanted of all devices included."""
    wishes = lake.settings.get(_KEY, {}).get(dataset, {})
    ranges = [*wishes.get(ALL_DEVICES, []), *wishes.get(device_id, [])]
    return [(date.fromisoformat(a), date.fromisoformat(b)) for a, b in _joined(ranges)]


def _joined(ranges: list[list[str]]) -> list[list[str]]:
    """Join ranges that overlap or follow each other."""
    joined: list[list[str]] = []
    for first, last in sorted(ranges):
        if joined and date.fromisoformat(first) <= date.fromisoformat(joined[-1][1]) + timedelta(1):
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return joined
