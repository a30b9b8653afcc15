"""What is wanted of a device: days, one request for as many of them as the endpoint takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days of a device, `first` to `last`, that one request is to bring."""

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
        """The days from the one numbered `start` up to, not including, the one numbered `stop`."""
        return DayRange(self.device_id, self.first + _DAY * start, self.first + _DAY * (stop - 1))

    def halves(self) -> "tuple[DayRange, DayRange]":
        """The newer days and the older ones."""
        middle = len(self) // 2
        return self.part(middle, len(self)), self.part(0, middle)


def day_ranges_of(months: Iterable[pa.Table], days_per_request: int) -> Iterator[list[DayRange]]:
    """Group device-days into requests, newest days first; nothing that is not wanted is bridged.

    Args:
        months: tables with `device_id` and `request_date`, one for each month, newest first.
        days_per_request: how many days one request may cover.

    Yields:
        The wants that are settled once a month is known: those that the month before it could make
        longer are held back until it is known too.
    """
    growing: dict[str, DayRange] = {}
    for states in months:
        ready = []
        ordered = states.sort_by([("request_date", "descending"), ("device_id", "ascending")])
        for device_id, day in zip(
            ordered["device_id"].to_pylist(), ordered["request_date"].to_pylist(), strict=True
        ):
            held = growing.get(device_id)
            if held is not None and held.first - _DAY == day and len(held) < days_per_request:
                growing[device_id] = DayRange(device_id, day, held.last)
                continue
            if held is not None:
                ready.append(held)
            growing[device_id] = DayRange(device_id, day, day)
        full = [day_range for day_range in growing.values() if len(day_range) >= days_per_request]
        for day_range in full:
            del growing[day_range.device_id]
        yield ready + full
    yield list(growing.values())
