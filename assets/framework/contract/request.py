"""A request as a dataset declares it; sending, paging and archiving are the framework's."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from assets.framework.contract.day_range import DayRange
from assets.framework.contract.devices import Device
from givenergy import Page, Priority

Value = str | int | Sequence[int] | Sequence[str]


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and as many more as its answer has pages.

    Attributes:
        path: parameters of the endpoint's path.
        query: query parameters, without those of paging.
        body: body parameters of a POST.
        device_id: the device it is about; "" if it is about the account.
        label: distinguishes several requests about one device, such as "cleared" events.
        part: names what a device can lack by itself, such as one of several meters.
        stop_after: called with each page; True ends the reading. For lists that are read, newest
            rows first, until known ones are reached.
        fallback: returns what to request if the API refuses this request, such as shorter ranges.
        day_range: the days it covers; None if it is not made by day.
        for_days: returns the same request for some of its days.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Value] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    device_id: str = ""
    label: str = ""
    part: str = ""
    stop_after: Callable[[Page], bool] | None = None
    fallback: "Callable[[], Sequence[Request]] | None" = None
    day_range: DayRange | None = None
    for_days: "Callable[[DayRange], Request] | None" = None

    def __str__(self) -> str:
        if self.day_range is not None:
            return str(self.day_range)
        return f"{self.device_id} {self.label}".strip()

    @property
    def subject(self) -> str:
        """What of a dataset is unavailable if it is refused."""
        return f"{self.device_id} {self.part}".strip()

    @property
    def priority(self) -> Priority:
        """Today and yesterday, and what is only known as it is now, go before history."""
        if self.day_range is None:
            return Priority.TODAY
        age_days = (datetime.now(UTC).date() - self.day_range.last).days
        return Priority.TODAY if age_days <= 1 else Priority.BACKFILL

    @property
    def lease_keys(self) -> list[str]:
        """What no other process may fetch at the same time: each day, or what the label names."""
        if self.day_range is None:
            return [f"{self.device_id}/{self.label}"]
        return [f"{self.device_id}/{day.isoformat()}" for day in self.day_range.days]

    def each_day(self) -> "Iterator[Request]":
        """Yield the request for each of its days."""
        if self.day_range is not None and self.for_days is not None:
            for number in range(len(self.day_range)):
                yield self.for_days(self.day_range.part(number, number + 1))

    def split(self) -> "tuple[Request, ...]":
        """Return what to request in its place; nothing if it cannot be split."""
        if self.fallback is not None:
            return tuple(self.fallback())
        if self.day_range is None or self.for_days is None or len(self.day_range) == 1:
            return ()
        return tuple(self.for_days(half) for half in self.day_range.halves())


def request_each(devices: Iterable[Device], parameter: str) -> Iterator[Request]:
    """Request once for each device, which a parameter of the path names."""
    for device in devices:
        yield Request(path={parameter: device.device_id}, device_id=device.device_id)
