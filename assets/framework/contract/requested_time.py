"""The time in which rows of a response can lie, given what was requested.

An inverter whose clock is wrong, or an API that returns other days, must not put rows onto days
that nobody requested. The limits are wide, because they find clocks that are wrong by years: days
of a request are local days of an account between UTC-12 and UTC+14, or UTC days (recorded), and
some endpoints include what begins at the end of the range (recorded).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.devices import EARLIEST_DATA

# A request ends this long before the present: a clock that is a little fast must not request what
# is the future to the API, which refuses it.
CLOCK_MARGIN = timedelta(seconds=30)
_MARGIN = timedelta(days=2)
# The machine's own clock can be slow by days.
_FUTURE = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Times from `earliest` to `latest`, both included, UTC."""

    earliest: datetime
    latest: datetime

    @classmethod
    def of_days(cls, first: date, last: date) -> "TimeSpan":
        """Return the time of days, both included, with the margin of `around`."""
        start = datetime.combine(first, time(), UTC)
        return cls.around(start, datetime.combine(last, time(), UTC) + timedelta(days=1))

    @classmethod
    def around(cls, start: datetime, end: datetime) -> "TimeSpan":
        """Return the time from a start to an end with a margin of two days on each side."""
        return cls(start - _MARGIN, end + _MARGIN)

    @classmethod
    def until(cls, fetched_at: datetime) -> "TimeSpan":
        """Return the time of whatever a response can be about: since the vendor's cloud exists.

        The newest reading of a device can be years old.
        """
        return cls(EARLIEST_DATA, latest_believable(fetched_at))

    def outside(self, times: pa.Array) -> np.ndarray:
        """Mark the times outside; a null is not."""
        kind = times.type
        early = pc.less(times, pa.scalar(self.earliest, kind))
        late = pc.greater(times, pa.scalar(self.latest, kind))
        return np.asarray(pc.fill_null(pc.or_(early, late), False))

    def __str__(self) -> str:
        return f"{self.earliest:%Y-%m-%dT%H:%MZ} to {self.latest:%Y-%m-%dT%H:%MZ}"


def latest_believable(fetched_at: datetime) -> datetime:
    """Return the latest time that a response can know of: a month after it was fetched."""
    return fetched_at + _FUTURE
