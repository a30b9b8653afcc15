"""Local days of a time zone as spans of UTC seconds.

Belongs here: where a local or UTC day begins and ends, and the offsets of the zone. Does not belong
here: what happens on a day.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

DAY_S = 86_400
_QUARTER_S = 900
EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class DaySpan:
    """One day: UTC epoch seconds of its two midnights, and the zone's offsets at them.

    `changed_s` is the moment from which the second offset holds.
    """

    start_s: int
    end_s: int
    offset_at_start_s: int
    offset_at_end_s: int
    changed_s: int


class LocalCalendar:
    """Days of one time zone; computed spans are cached."""

    def __init__(self, timezone: str) -> None:
        """Load the zone. Raises `ZoneInfoNotFoundError` for an unknown one."""
        self.zone = ZoneInfo(timezone)
        self._spans: dict[int, DaySpan] = {}

    def span(self, ordinal: int) -> DaySpan:
        """Return the local day with this proleptic ordinal."""
        span = self._spans.get(ordinal)
        if span is None:
            start, start_offset = self._midnight(ordinal)
            end, end_offset = self._midnight(ordinal + 1)
            changed = start
            if start_offset != end_offset:
                quarters = range(start, end + 1, _QUARTER_S)
                changed = next(s for s in quarters if self._offset_s(s) == end_offset)
            span = DaySpan(start, end, start_offset, end_offset, changed)
            self._spans[ordinal] = span
        return span

    def _midnight(self, ordinal: int) -> tuple[int, int]:
        day = dt.date.fromordinal(ordinal)
        start_s = int(dt.datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())
        return start_s, self._offset_s(start_s)

    def _offset_s(self, time_s: int) -> int:
        offset = dt.datetime.fromtimestamp(time_s, self.zone).utcoffset() or dt.timedelta()
        return int(offset.total_seconds())

    def ordinals_covering(self, start_s: int, end_s: int) -> Iterable[int]:
        """Return ordinals of the local days that overlap [start_s, end_s)."""
        first = dt.datetime.fromtimestamp(start_s, self.zone).toordinal()
        last = dt.datetime.fromtimestamp(end_s - 1, self.zone).toordinal()
        return range(first, last + 1)


def utc_span(ordinal: int) -> DaySpan:
    """Return the UTC day with this ordinal."""
    start = (ordinal - EPOCH_ORDINAL) * DAY_S
    return DaySpan(start, start + DAY_S, 0, 0, start)


def utc_text(time_s: float) -> str:
    """Return an epoch second in UTC as the API writes most times."""
    return dt.datetime.fromtimestamp(int(time_s), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
