"""Watch whether schedules or `givlake sync` keep a data folder up to date."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from givenergy.server_clock import utc_now
from warehouse.lake import Lake

_KEY = "kept_current_at"
# Dagster's tag of the runs that a schedule has started.
_SCHEDULE_TAG = "dagster/schedule_name"
_MAX_AGE = timedelta(days=1)
_ADVICE = "run givlake sync from cron, or keep givlake ui running."


def record_update(lake: Lake) -> None:
    """Record that a schedule or `givlake sync` has just worked."""
    lake.state.set(_KEY, utc_now().isoformat(timespec="seconds"))


def record_scheduled_run(lake: Lake, tags: Mapping[str, str]) -> None:
    """Record that a run with these tags has worked, if a schedule started it."""
    if _SCHEDULE_TAG in tags:
        record_update(lake)


def last_update(lake: Lake) -> datetime | None:
    """Return when a schedule or `givlake sync` last worked, UTC; None if none has."""
    return _moment(lake.state.get(_KEY))


def describe_staleness(lake: Lake, now: datetime | None = None) -> str | None:
    """Return since when the folder has not been updated; None if it was within a day.

    Args:
        lake: The data folder.
        now: The present time, UTC; None for the clock's.
    """
    now = now or utc_now()
    last = last_update(lake)
    # A time far in the future was recorded by a wrong clock.
    if last is not None and last - now <= _MAX_AGE:
        if now - last <= _MAX_AGE:
            return None
        return f"Not updated since {last:%Y-%m-%d %H:%M} UTC: {_ADVICE}"
    try:
        store = json.loads((lake.folder / "store.json").read_bytes())
    except FileNotFoundError:  # The folder is empty.
        return None
    created_at = _moment(store.get("made_at"))
    if created_at is None or now - created_at <= _MAX_AGE:
        return None
    return f"No schedule and no givlake sync has run for this data folder: {_ADVICE}"


def _moment(text: object) -> datetime | None:
    """Return a text as a time in UTC; None if it is not a time."""
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return None
