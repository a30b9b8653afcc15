"""Whether anything keeps a data folder current: when a schedule or `givlake sync` last worked."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from warehouse import Lake

_KEY = "kept_current_at"
# How Dagster marks the runs that a schedule has started.
_SCHEDULE_TAG = "dagster/schedule_name"
_LONGEST = timedelta(days=1)
_ADVICE = "run givlake sync from cron, or keep givlake ui running."


def note_kept_current(lake: Lake) -> None:
    """Note that what keeps the folder current has just worked."""
    lake.state.set(_KEY, datetime.now(UTC).isoformat(timespec="seconds"))


def note_scheduled_run(lake: Lake, tags: Mapping[str, str]) -> None:
    """Note the same of a run with these tags, if a schedule has started it."""
    if _SCHEDULE_TAG in tags:
        note_kept_current(lake)


def neglect(lake: Lake, now: datetime | None = None) -> str | None:
    """Say since when nothing has kept the folder current; None if something has within a day.

    Args:
        lake: the data folder.
        now: the present time, UTC; None for the clock's.
    """
    now = now or datetime.now(UTC)
    last = _moment(lake.state.get(_KEY))
    # A time far ahead was noted by a clock that was wrong, and says nothing.
    if last is not None and last - now <= _LONGEST:
        if now - last <= _LONGEST:
            return None
        return f"Nothing has kept this folder current since {last:%Y-%m-%d %H:%M} UTC: {_ADVICE}"
    try:
        made = _moment(json.loads((lake.folder / "store.json").read_bytes()).get("made_at"))
    except FileNotFoundError:  # nothing is there yet
        return None
    if made is None or now - made <= _LONGEST:
        return None
    return f"Neither a schedule nor givlake sync is known to have worked here: {_ADVICE}"


def _moment(text: object) -> datetime | None:
    """Read a time in UTC; None if it is none."""
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return None
