"""The words for the states of days, for people; tables, JSON and CSV have the states' own names."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.coverage import TO_CONFIRM_REASON, State

EMPTY_SO_FAR = "empty so far"
_WORDS = {
    State.PROVISIONAL: "not final yet",
    State.NOT_BUILT: "not built",
    State.UNPROVEN: "not proven",
    State.NOT_REQUESTED: "not requested",
}
# When empty days are requested again, by their number.
NextChecks = Counter[date]


def state_words(state: State) -> str:
    """Return the words for a state."""
    return _WORDS.get(state, str(state))


def next_checks(days: pa.Table, zone: str) -> NextChecks:
    """Count the days that are over and empty so far, by the day on which they are checked again.

    Args:
        days: Days as `coverage_by_month` yields them.
        zone: IANA time zone of the days on which they are checked.
    """
    empty = days.filter(pc.equal(days["reason"], TO_CONFIRM_REASON))
    moments: list[datetime | None] = empty["due_at"].to_pylist()
    return Counter(at.astimezone(ZoneInfo(zone)).date() for at in moments if at is not None)


def count_in_words(by_state: Mapping[State, int], empty_so_far: int = 0) -> dict[str, int]:
    """Return the numbers of days by the words for their states, without zeros.

    Args:
        by_state: The number of days in each state.
        empty_so_far: How many of them are over and empty so far.
    """
    counts = {}
    for state in State:
        less = empty_so_far if state is State.PROVISIONAL else 0
        counts[state_words(state)] = by_state.get(state, 0) - less
        if state is State.EMPTY:
            counts[EMPTY_SO_FAR] = empty_so_far
    return {words: count for words, count in counts.items() if count}


def describe_days(by_state: Mapping[State, int], checks: NextChecks) -> str:
    """Return how many device-days are in each state: `8 device-days complete, 2 failed`.

    Args:
        by_state: The number of days in each state.
        checks: When those that are empty so far are checked again.
    """
    parts: list[str] = []
    for words, count in count_in_words(by_state, checks.total()).items():
        noun = "" if parts else f" device-day{'' if count == 1 else 's'}"
        when = f" ({describe_checks(checks)})" if words == EMPTY_SO_FAR else ""
        parts.append(f"{count:,}{noun} {words}{when}")
    return ", ".join(parts) or "no device-days"


def describe_checks(checks: NextChecks) -> str:
    """Return when empty days are checked again: `checked again on 27 Nov`."""
    first = min(checks)
    return f"checked again {'on' if len(checks) == 1 else 'from'} {first.day} {first:%b}"
