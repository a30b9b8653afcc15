"""Remember what was requested: `sync` keeps it complete.

It is stored before anything is fetched, so that `sync` finishes a backfill that was killed.
"""

from datetime import date, timedelta

import msgspec

from assets.framework.contract.stored_ranges import NAMED, REQUESTED
from warehouse.lake import Lake

_SYNCED_KEY = "synced_until"


def remember_sync(lake: Lake, dataset: str, today: date) -> None:
    """Store that all devices are requested from yesterday, or the last sync, to today.

    They are requested whatever their last contact is said to be, which can be out of date.
    """
    yesterday = today - timedelta(days=1)
    synced = msgspec.convert(lake.state.get(_SYNCED_KEY, {}), dict[str, date])
    first = min(synced.get(dataset, yesterday), yesterday)
    for ranges in (REQUESTED, NAMED):
        ranges.add(lake, dataset, (), first, today)
    keep_current(lake, dataset, first, today)


def keep_current(lake: Lake, dataset: str, first: date, today: date) -> None:
    """Store that the next sync starts from today, unless it has days before `first` to fetch."""

    def note(stored: object) -> object:
        synced = msgspec.convert(stored or {}, dict[str, date])
        if synced.get(dataset, first) < first - timedelta(days=1):
            return stored
        return msgspec.to_builtins({**synced, dataset: today})

    lake.state.update(_SYNCED_KEY, note)
