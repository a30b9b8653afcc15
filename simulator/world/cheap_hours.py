"""The daily hours in which a household's electricity is cheap.

Belongs here: reading them from text, and when they are in local and in UTC time. Does not belong
here: what a household does in them (`energy`, `charging_schedule`).
"""

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from simulator.seeded_random import Integers
from simulator.world.local_calendar import DAY_S, EPOCH_ORDINAL

_TEXT = re.compile(r"([01]\d|2[0-3]):(00|15|30|45)-([01]\d|2[0-3]):(00|15|30|45)", re.ASCII)
_LONGEST_S = 12 * 3600
# A household needs the time after that to bring its battery to where the next day begins.
_LATEST_END_S = 18 * 3600


@dataclass(frozen=True, slots=True)
class CheapHours:
    """A span of every day by the clock on the wall: start in seconds after midnight, and length."""

    start_s: int
    length_s: int

    @classmethod
    def parse(cls, text: str) -> "CheapHours":
        """Return the hours that a text such as "00:30-05:30" or "23:30-05:30" names.

        Raises `ValueError` for anything else, more than 12 hours, or an end after 18:00.
        """
        match = _TEXT.fullmatch(text)
        if match:
            hours = [int(part) for part in match.groups()]
            start_s, end_s = ((hours[i] * 60 + hours[i + 1]) * 60 for i in (0, 2))
            length_s = (end_s - start_s) % DAY_S
            if 0 < length_s <= _LONGEST_S and end_s <= _LATEST_END_S:
                return cls(start_s, length_s)
        raise ValueError(
            f"The simulator's cheap hours are {text!r}; they must be a start and an end in full "
            "quarter hours, such as 00:30-05:30: at most 12 hours, which end by 18:00 or at 00:00."
        )

    @property
    def before_midnight_s(self) -> int:
        """How much of them directly precedes midnight."""
        return DAY_S - self.start_s if self.start_s + self.length_s >= DAY_S else 0

    def contain(self, wall_s: Integers) -> npt.NDArray[np.bool_]:
        """Return whether they contain each time, in seconds after midnight on the wall."""
        inside: npt.NDArray[np.bool_] = (wall_s - self.start_s) % DAY_S < self.length_s
        return inside

    def next_after(self, times_s: Integers, zone: ZoneInfo) -> tuple[Integers, Integers]:
        """Return start and end (UTC epoch s) of the hours that contain or follow each time."""
        first = int(times_s.min()) // DAY_S + EPOCH_ORDINAL - 2
        days = range(first, int(times_s.max()) // DAY_S + EPOCH_ORDINAL + 4)
        end_s = self.start_s + self.length_s
        # Of an hour that comes twice, what lies between start and end on the wall both times.
        starts = np.array([max(_utc_s(day, self.start_s, zone)) for day in days])
        ends = np.array([min(_utc_s(day, end_s, zone)) for day in days])
        which = np.searchsorted(ends, times_s, side="right")
        return starts[which], ends[which]


def _utc_s(ordinal: int, wall_s: int, zone: ZoneInfo) -> list[int]:
    """Return the UTC epoch seconds of a time on the wall, which two have when clocks change."""
    naive = dt.datetime.fromordinal(ordinal) + dt.timedelta(seconds=wall_s)
    return [int(naive.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1)]
