"""What the command line was asked to fetch: days of devices, and those of them that are missing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow.compute as pc

from assets.framework.dataset import Dataset
from assets.framework.devices import Device, expected_days
from assets.framework.plan import plan
from pipelines.wishes import Range, ranges_for
from warehouse import Lake


@dataclass(slots=True)
class Errand:
    """Days without a gap, of devices that want the same ones.

    Attributes:
        dataset: what to fetch.
        devices: whose days.
        everybody: whether these are all devices of the account.
        start: first day.
        end: last day.
        to_fetch: device-days that are missing, by requested date; `look` fills it in.
    """

    dataset: Dataset
    devices: tuple[Device, ...]
    everybody: bool
    start: date
    end: date
    to_fetch: Counter[date] = field(default_factory=Counter)

    @property
    def device_ids(self) -> list[str]:
        """The devices to limit a run to; none means all."""
        return [] if self.everybody else [device.device_id for device in self.devices]

    def look(
        self,
        lake: Lake,
        zone: str,
        *,
        now: datetime | None = None,
        again: bool = False,
        refresh: bool = False,
    ) -> None:
        """Find out what is missing, without a request; `now` is the present time, UTC."""
        for states in plan(
            lake,
            self.dataset,
            self.devices,
            self.start,
            self.end,
            zone,
            now=now or datetime.now(UTC),
            again=again,
            refresh=refresh,
            refused=True,
        ):
            for counted in pc.value_counts(states["request_date"]).to_pylist():
                self.to_fetch[counted["values"]] += counted["counts"]

    def device_days(self, zone: str) -> int:
        """Count the device-days that can hold data."""
        expected = expected_days(self.dataset.name, self.devices, self.start, self.end, zone)
        bounds = (expected["first_date"].to_pylist(), expected["last_date"].to_pylist())
        return sum((last - first).days + 1 for first, last in zip(*bounds, strict=True))


def wished(lake: Lake, dataset: Dataset, devices: Sequence[Device]) -> list[Errand]:
    """List what the owner has asked for so far, devices that want the same days together."""
    groups: dict[tuple[Range, ...], list[Device]] = {}
    for device in devices:
        groups.setdefault(tuple(ranges_for(lake, dataset.name, device.device_id)), []).append(
            device
        )
    return [
        Errand(dataset, tuple(group), len(group) == len(devices), start, end)
        for ranges, group in groups.items()
        for start, end in ranges
    ]


def runs(errands: Sequence[Errand]) -> Iterator[tuple[Errand, date, date]]:
    """Make a run of each errand, the newest first.

    A run goes from the first to the last day on which something is missing; what lies between is
    wanted too, and is there. There is one for all of an errand, as each pause between two runs
    would leave requests of the budget unused.
    """
    spans = [
        (errand, min(errand.to_fetch), max(errand.to_fetch))
        for errand in errands
        if errand.to_fetch
    ]
    yield from sorted(spans, key=lambda span: span[2], reverse=True)
