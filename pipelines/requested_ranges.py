"""The ranges of days that the owner has requested so far: `sync` keeps them complete.

They are stored before anything is fetched, so that `sync` finishes a backfill that was killed.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from warehouse import Lake

_KEY = "requested_ranges"
_SYNCED_KEY = "synced_until"
_ALL_DEVICES = "*"

Range = tuple[date, date]
_RequestedRanges = dict[str, dict[str, list[Range]]]  # by dataset and device


def remember(lake: Lake, dataset: str, device_ids: Sequence[str], start: date, end: date) -> None:
    """Store that days of devices (none: of all devices) are requested."""

    def add(stored: object) -> object:
        requested = msgspec.convert(stored or {}, _RequestedRanges)
        by_device = requested.setdefault(dataset, {})
        for device_id in device_ids or [_ALL_DEVICES]:
            by_device[device_id] = joined([*by_device.get(device_id, []), (start, end)])
        return msgspec.to_builtins(requested)

    lake.state.update(_KEY, add)


def remember_sync(lake: Lake, dataset: str, today: date) -> None:
    """Store that days of all devices are requested from yesterday, or the last sync, to today."""
    yesterday = today - timedelta(days=1)
    synced = msgspec.convert(lake.state.get(_SYNCED_KEY, {}), dict[str, date])
    first = min(synced.get(dataset, yesterday), yesterday)
    remember(lake, dataset, (), first, today)
    keep_current(lake, dataset, first, today)


def keep_current(lake: Lake, dataset: str, first: date, today: date) -> None:
    """Let the next sync start from today, unless it has days before `first` to fetch."""

    def note(stored: object) -> object:
        synced = msgspec.convert(stored or {}, dict[str, date])
        if synced.get(dataset, first) < first - timedelta(days=1):
            return stored
        return msgspec.to_builtins({**synced, dataset: today})

    lake.state.update(_SYNCED_KEY, note)


def ranges_for(lake: Lake, dataset: str, device_ids: Iterable[str]) -> dict[str, list[Range]]:
    """Return the requested ranges of each device, including those requested of all devices."""
    requested = msgspec.convert(lake.state.get(_KEY, {}), _RequestedRanges).get(dataset, {})
    of_all = requested.get(_ALL_DEVICES, [])
    return {each: joined([*of_all, *requested.get(each, [])]) for each in device_ids}


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Join ranges that overlap or follow each other, oldest first."""
    result: list[Range] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + timedelta(days=1):
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return result
