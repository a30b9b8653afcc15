"""What the command line was asked to fetch: days of devices, and those of them that are missing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import Device, expected_days
from assets.framework.ingestion.day_ranges import day_ranges_of
from assets.framework.ingestion.planner import plan
from pipelines.requested_ranges import Range, ranges_for
from warehouse import Lake, State

# How much of every dataset is fetched before the rest of any: as many days as one request covers
# where it covers several, so that the border costs none.
_NEWEST = timedelta(days=31)


@dataclass(slots=True)
class BackfillTask:
    """Days without a gap, of devices that want the same ones.

    Attributes:
        dataset: what to fetch.
        devices: whose days.
        all_devices: whether these are all devices of the account.
        start: first day.
        end: last day.
        to_fetch: device-days that are missing, by requested date; `look` fills it in.
        requests: how many requests these take at least; `look` fills it in.
    """

    dataset: DailyDataset
    devices: tuple[Device, ...]
    all_devices: bool
    start: date
    end: date
    to_fetch: Counter[date] = field(default_factory=Counter)
    requests: int = 0

    @property
    def device_ids(self) -> list[str]:
        """The devices to limit a run to; none means all."""
        return [] if self.all_devices else [device.device_id for device in self.devices]

    def plan_missing(
        self,
        lake: Lake,
        zone: str,
        *,
        days_per_request: int = 1,
        now: datetime | None = None,
        refetch: bool = False,
        refresh: bool = False,
        only: State | None = None,
    ) -> None:
        """Find out what is missing, without a request.

        Args:
            lake: the data folder.
            zone: IANA time zone of the days.
            days_per_request: how many days one request may cover.
            now: the present time, UTC.
            refetch: whether what is there counts too.
            refresh: whether days that were not over when they were fetched count too.
            only: the state to look for; None for all that are to be fetched.
        """
        self.to_fetch.clear()
        self.requests = 0
        months = plan(
            lake,
            self.dataset,
            self.devices,
            self.start,
            self.end,
            zone,
            now=now or datetime.now(UTC),
            refetch=refetch,
            refresh=refresh,
            refused=True,
        )
        if only is not None:
            months = (of.filter(pc.equal(of["state"], str(only))) for of in months)
        day_ranges = day_ranges_of(map(self._counted, months), days_per_request)
        self.requests += sum(map(len, day_ranges))

    def _counted(self, states: pa.Table) -> pa.Table:
        for counted in pc.value_counts(states["request_date"]).to_pylist():
            self.to_fetch[counted["values"]] += counted["counts"]
        return states

    def device_days(self, zone: str) -> int:
        """Count the device-days that can hold data."""
        expected = expected_days(self.dataset.name, self.devices, self.start, self.end, zone)
        bounds = (expected["first_date"].to_pylist(), expected["last_date"].to_pylist())
        return sum((last - first).days + 1 for first, last in zip(*bounds, strict=True))


def requested_tasks(
    lake: Lake, dataset: DailyDataset, devices: Sequence[Device]
) -> list[BackfillTask]:
    """List what the owner has asked for so far, devices that want the same days together."""
    groups: dict[tuple[Range, ...], list[Device]] = {}
    for device in devices:
        groups.setdefault(tuple(ranges_for(lake, dataset.name, device.device_id)), []).append(
            device
        )
    return [
        BackfillTask(dataset, tuple(group), len(group) == len(devices), start, end)
        for ranges, group in groups.items()
        for start, end in ranges
    ]


def runs(tasks: Sequence[BackfillTask]) -> Iterator[tuple[BackfillTask, date, date]]:
    """Make the runs of errands: the newest weeks of every dataset, then the rest of each.

    A run goes from the first to the last day on which something is missing; what lies between is
    wanted too, and is there. Of a lone dataset there is one run for all of an errand, as each pause
    between two runs would leave requests of the budget unused.
    """
    missing = [task for task in tasks if task.to_fetch]
    if len({task.dataset.name for task in missing}) < 2:
        yield from _newest_first(_spans(missing))
        return
    newest = max(max(task.to_fetch) for task in missing)
    border = newest - _NEWEST
    yield from _newest_first(_spans(missing, after=border))
    # What takes the fewest requests next, so that access that ends leaves the least undone.
    names = {task.dataset.name: 0 for task in missing}
    for task in missing:
        days = sum(count for day, count in task.to_fetch.items() if day <= border)
        names[task.dataset.name] += days // (31 if task.dataset.takes_ranges else 1)
    for name in sorted(names, key=lambda name: names[name]):
        of_dataset = [task for task in missing if task.dataset.name == name]
        yield from _newest_first(_spans(of_dataset, until=border))


def _spans(
    tasks: Sequence[BackfillTask], after: date = date.min, until: date = date.max
) -> Iterator[tuple[BackfillTask, date, date]]:
    for task in tasks:
        days = [day for day in task.to_fetch if after < day <= until]
        if days:
            yield task, min(days), max(days)


def _newest_first(
    spans: Iterable[tuple[BackfillTask, date, date]],
) -> list[tuple[BackfillTask, date, date]]:
    return sorted(spans, key=lambda span: span[2], reverse=True)
