"""A request as a dataset declares it; the framework sends, pages and archives it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from assets.framework.contract.day_range import DayRange
from assets.framework.contract.devices import Device
from givenergy.budget.request_budget import Priority
from givenergy.endpoints.definition import Endpoint
from givenergy.models import Page
from givenergy.server_clock import utc_now

Value = str | int | Sequence[int] | Sequence[str]
# The label of a request that finds out whether a device is of another kind than its list says.
PROBE = "probe"
# Statuses of a request for which the API has nothing (`Request.may_lack`).
NOTHING_STATUSES = (400, 404, 410, 422)


@dataclass(frozen=True, slots=True)
class Request:
    """A request for all pages of a response.

    Attributes:
        path: Parameters of the endpoint's path.
        query: Query parameters, without those of paging.
        body: Body parameters of a POST.
        device_id: The device; "" is the account.
        label: Distinguishes several requests about one device, such as "cleared" events.
        part: Part of a device that can be unavailable by itself, such as one of several meters.
        may_lack: Whether there may be nothing to be found, without a meaning for other requests.
        stop_after: Called with each page; True stops paging. For lists sorted newest first that
            are read until known rows are reached.
        fallback: Returns the requests to make if the API refuses this one, such as shorter ranges,
            newest first.
        day_range: Days that it covers; None if it is not by day.
        for_days: Returns the same request for some of its days.
        span: Days that it covers, of a snapshot dataset whose requests cover days.
        for_span: Returns the same request for other days.
        is_body_optional: Whether its body only repeats the query, as some APIs read one of them.
        rest: Requests to make after it, unless the API refuses it for its parameters.
        endpoint: The endpoint; None for that of the dataset.
        joins: Of a request about several devices, the request about each of them.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Value] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    device_id: str = ""
    label: str = ""
    part: str = ""
    may_lack: bool = False
    stop_after: Callable[[Page], bool] | None = None
    fallback: "Callable[[], Sequence[Request]] | None" = None
    day_range: DayRange | None = None
    for_days: "Callable[[DayRange], Request] | None" = None
    span: DayRange | None = None
    for_span: "Callable[[DayRange], Request] | None" = None
    is_body_optional: bool = False
    rest: "tuple[Request, ...]" = ()
    endpoint: Endpoint | None = None
    joins: "tuple[Request, ...]" = ()

    def __str__(self) -> str:
        if self.day_range is not None:
            return str(self.day_range)
        return f"{self.device_id} {self.label}".strip()

    @property
    def subject(self) -> str:
        """The subject that becomes unavailable if the request is refused."""
        return f"{self.device_id} {self.part}".strip()

    @property
    def days(self) -> int:
        """How many days it covers; 0 if it is not about days."""
        days = self.day_range or self.span
        return 0 if days is None else len(days)

    @property
    def is_open(self) -> bool:
        """Whether its span has a day that is not over, which the API may refuse for that."""
        return self.span is not None and self.span.last >= utc_now().date()

    @property
    def subject_and_day(self) -> set[str | date]:
        """Its subject, and its last day if it is by day."""
        days = self.day_range
        return {self.subject} if days is None else {self.subject, days.last}

    @property
    def device_ids(self) -> tuple[str, ...]:
        """The devices that it is about."""
        return tuple(each.device_id for each in self.joins) or (self.device_id,)

    @property
    def is_probe(self) -> bool:
        """Whether the device is not expected to have what is requested."""
        return self.label == PROBE

    @property
    def priority(self) -> Priority:
        """Today, yesterday and snapshots have priority over history; devices are asked last."""
        if self.endpoint is not None and self.endpoint.asks_device:
            return Priority.LOW
        if self.day_range is None:
            return Priority.TODAY
        age_days = (utc_now().date() - self.day_range.last).days
        return Priority.TODAY if age_days <= 1 else Priority.BACKFILL

    @property
    def lease_keys(self) -> list[str]:
        """Keys of the leases that it needs: one per day, or one for its label."""
        if self.joins:
            return [key for each in self.joins for key in each.lease_keys]
        if self.day_range is None:
            return [f"{self.device_id}/{self.label}"]
        return [f"{self.device_id}/{day.isoformat()}" for day in self.day_range.days]

    def each_day(self) -> "Iterator[Request]":
        """Yield the request for each of its days."""
        if self.day_range is not None and self.for_days is not None:
            for number in range(len(self.day_range)):
                yield self.for_days(self.day_range.part(number, number + 1))

    def split(self) -> "tuple[Request, ...]":
        """Return the requests that replace it, newest first; empty if it cannot be split."""
        if self.fallback is not None:
            return tuple(self.fallback())
        if self.span is not None and self.for_span is not None:
            days = self._days_over()
            if days is None or len(days) == 1:
                return () if days is None else (self.for_span(days),)
            return tuple(map(self.for_span, days.halves()))
        if self.day_range is None or self.for_days is None or len(self.day_range) == 1:
            return ()
        return tuple(self.for_days(half) for half in self.day_range.halves())

    def pieces(self, longest: int) -> "tuple[Request, ...]":
        """Return what replaces a request of more days than that, newest first.

        Of a span it is one request of so many days, and the rest, as it can turn out to be too long
        as well.
        """
        if self.span is None or self.for_span is None:
            return self.split()
        older = len(self.span) - longest
        newest, rest = self.span.part(older, len(self.span)), self.span.part(0, older)
        return self.for_span(newest), self.for_span(rest)

    @property
    def has_optional_body(self) -> bool:
        """Whether it has a body that only repeats its query."""
        return self.is_body_optional and self.body is not None

    @property
    def is_without_body(self) -> bool:
        """Whether such a body is left out."""
        return self.is_body_optional and self.body is None

    def without_body(self) -> "Request":
        """Return the same request without the body that repeats its query."""
        return replace(self, body=None, label=f"{self.label} without a body")

    def _days_over(self) -> DayRange | None:
        """Return the days of its span that are over; None if there is nothing to shorten."""
        if self.span is None or len(self.span) == 1:
            return None
        open_days = (self.span.last - utc_now().date()).days + 1
        return self.span.part(0, len(self.span) - max(open_days, 0)) or None

    def shortest(self) -> "Request | None":
        """Return a short request of those that it splits into, the others as its `rest`.

        It is the newest but one: the newest can be refused because it is not over. Of a span it is
        the newest day that is over, and days that are not are left to later requests.
        """
        if self.span is not None and self.for_span is not None:
            if (days := self._days_over()) is None:
                return None
            last = len(days) - 1
            rest_of_span = (self.for_span(days.part(0, last)),) if last else ()
            return replace(self.for_span(days.part(last, last + 1)), rest=rest_of_span)
        parts, rest = self.split(), list[Request]()
        if not parts:
            return None
        while newer := parts[0].split():
            rest = [*parts[1:], *rest]
            parts = newer
        return replace(parts[-1], rest=(*parts[:-1], *rest))


def joined_spans(requests: Iterable[Request]) -> list[Request]:
    """Join the requests of spans that follow each other, newest first, each into one.

    It is divided again when it is made, by what is known of the longest range by then.
    """
    joined: list[Request] = []
    for request in requests:
        newer = joined[-1] if joined else request
        if (
            newer is not request
            and newer.span is not None
            and newer.for_span is not None
            and request.span is not None
            and newer.subject == request.subject
            and newer.span.first - request.span.last == timedelta(days=1)
        ):
            joined[-1] = newer.for_span(
                DayRange(request.device_id, request.span.first, newer.span.last)
            )
        else:
            joined.append(request)
    return joined


def request_each(devices: Iterable[Device], parameter: str) -> Iterator[Request]:
    """Yield one request per device, with its ID as a path parameter."""
    for device in devices:
        yield Request(path={parameter: device.device_id}, device_id=device.device_id)
