"""A request as a dataset wants it made; sending, paging and archiving are the framework's."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.framework.contract.devices import Device
from givenergy import Page

Value = str | int | Sequence[int] | Sequence[str]


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and as many more as its answer has pages.

    Attributes:
        path: parameters of the endpoint's path.
        query: query parameters, without those of paging.
        body: body parameters of a POST.
        device_id: the device it is about; "" when it is about the account.
        label: tells apart several requests about one device, such as "cleared" events.
        part: names what a device can lack by itself, such as one of several meters.
        enough: told each page, says whether the walk can end: for lists that are read, newest rows
            first, until known ones are met.
        instead: what to ask for if the API refuses this request, such as shorter ranges.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Value] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    device_id: str = ""
    label: str = ""
    part: str = ""
    enough: Callable[[Page], bool] | None = None
    instead: "Callable[[], Sequence[Request]] | None" = None

    @property
    def subject(self) -> str:
        """What of a dataset is not available if it is refused."""
        return f"{self.device_id} {self.part}".strip()


def request_each(devices: Iterable[Device], parameter: str) -> Iterator[Request]:
    """Ask once about each device, which a parameter of the path names."""
    for device in devices:
        yield Request(path={parameter: device.device_id}, device_id=device.device_id)
