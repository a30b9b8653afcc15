"""Consecutive days, of one device or of none in particular."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

_DAY = timedelta(days=1)

Range = tuple[date, date]  # first and last day


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Join ranges that overlap or follow each other, oldest first; empty ones are dropped."""
    result: list[Range] = []
    for first, last in sorted(ranges):
        if first > last:
            continue
        if result and first <= result[-1][1] + _DAY:
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return result


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days of a device from `first` to `last`, both included."""

    device_id: str
    first: date
    last: date

    @property
    def days(self) -> list[date]:
        """All days, oldest first."""
        return [self.first + _DAY * number for number in range(len(self))]

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        until = "" if self.first == self.last else f" to {self.last}"
        return f"{self.device_id} {self.first}{until}"

    def part(self, start: int, stop: int) -> "DayRange":
        """Return the days from number `start` up to, not including, number `stop`."""
        return DayRange(self.device_id, self.first + _DAY * start, self.first + _DAY * (stop - 1))

    def halves(self) -> "tuple[DayRange, DayRange]":
        """Return the newer days and the older ones."""
        middle = len(self) // 2
        return self.part(middle, len(self)), self.part(0, middle)
