"""The plan of a command that fetches: the device-days it covers, and those of them to fetch."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import Device, expected_days
from assets.framework.ingestion.day_ranges import day_ranges_of
from pipelines.requested_ranges import Range, ranges_for
from warehouse import Lake, State, between, coverage_by_month, days_to_fetch

# How much of every dataset is fetched before the rest of any: as many days as one request covers
# where it covers several, so that the border costs none.
_NEWEST = timedelta(days=31)


@dataclass(slots=True)
class BackfillTask:
    """A range of days of devices for which the same range is requested.

    Attributes:
        dataset: what to fetch.
        devices: whose days.
        all_devices: whether these are all devices of the account.
        start: first day.
        end: last day.
        days_by_state: expected device-days by state; `plan_missing` fills it in.
        to_fetch: device-days to fetch, by requested date; `plan_missing` fills it in.
    """

    dataset: DailyDataset
    devices: tuple[Device, ...]
    all_devices: bool
    start: date
    end: date
    days_by_state: Counter[State] = field(default_factory=Counter, compare=False)
    to_fetch: Counter[date] = field(default_factory=Counter, compare=False)

    @property
    def device_ids(self) -> list[str]:
        """The devices to limit a run to; none means all."""
        return [] if self.all_devices else [device.device_id for device in self.devices]

    def select(self, states: pa.Table) -> pa.Table:
        """Select the task's days of the states of its dataset."""
        devices = None if self.all_devices else self.device_ids
        return states.filter(between(states, self.start, self.end, devices))


def plan_missing(
    lake: Lake,
    tasks: Sequence[BackfillTask],
    zone: str,
    *,
    now: datetime | None = None,
    refetch: bool = False,
    refresh: bool = False,
    only: State | None = None,
    days_per_request: Callable[[DailyDataset], int] = lambda _: 1,
) -> Counter[str]:
    """Find out which days of tasks are to be fetched, without a request.

    The coverage of each dataset is read once, whatever its tasks.

    Args:
        lake: the data folder.
        tasks: tasks that have no device-day in common, those of a dataset side by side.
        zone: IANA time zone of the days.
        now: the present time, UTC; None for the clock's.
        refetch: whether complete days are fetched too.
        refresh: whether days that were not over when they were fetched are fetched too.
        only: the only state to fetch days of; None for all that need a fetch.
        days_per_request: how many days of a dataset one request may cover.

    Returns:
        How many requests the days take at least, by dataset.
    """

    def select(days: pa.Table) -> pa.Table:
        days = days_to_fetch(days, refetch=refetch, refresh=refresh)
        return days if only is None else days.filter(pc.equal(days["state"], str(only)))

    requests: Counter[str] = Counter()
    for dataset, group in groupby(tasks, key=lambda task: task.dataset):
        of_dataset = list(group)
        devices = {device.device_id: device for task in of_dataset for device in task.devices}
        start, end = min(task.start for task in of_dataset), max(task.end for task in of_dataset)
        expected = expected_days(dataset.name, devices.values(), start, end, zone)
        months = coverage_by_month(lake, [dataset.coverage_rule], expected, start, end, now=now)
        planned = _plan_by_month(of_dataset, months, select)
        requests[dataset.name] = count_requests(planned, days_per_request(dataset))
    return requests


def _plan_by_month(
    tasks: Sequence[BackfillTask],
    months: Iterable[pa.Table],
    select: Callable[[pa.Table], pa.Table],
) -> Iterator[pa.Table]:
    """Fill in the tasks of a dataset; yield the days to fetch of each month."""
    for task in tasks:
        task.days_by_state.clear()
        task.to_fetch.clear()
    for states in months:
        to_fetch = []
        for task in tasks:
            days = task.select(states)
            for state, count in _counts(days["state"]):
                task.days_by_state[State(state)] += count
            to_fetch.append(select(days))
            for day, count in _counts(to_fetch[-1]["request_date"]):
                task.to_fetch[day] += count
        yield pa.concat_tables(to_fetch)


def requested_tasks(
    lake: Lake, dataset: DailyDataset, devices: Sequence[Device]
) -> list[BackfillTask]:
    """List what the owner has requested so far; devices with the same ranges share tasks."""
    ranges_of = ranges_for(lake, dataset.name, (device.device_id for device in devices))
    groups: dict[tuple[Range, ...], list[Device]] = {}
    for device in devices:
        groups.setdefault(tuple(ranges_of[device.device_id]), []).append(device)
    return [
        BackfillTask(dataset, tuple(group), len(group) == len(devices), start, end)
        for ranges, group in groups.items()
        for start, end in ranges
    ]


def count_requests(months: Iterable[pa.Table], days_per_request: int) -> int:
    """Count the requests that device-days take at least; the newest month comes first."""
    if days_per_request == 1:
        return sum(month.num_rows for month in months)
    return sum(map(len, day_ranges_of(months, days_per_request)))


def runs(tasks: Sequence[BackfillTask]) -> Iterator[tuple[BackfillTask, date, date]]:
    """Yield the runs of tasks: the newest weeks of every dataset, then the rest of each.

    A run goes from the first to the last day to fetch; the days in between are requested too, and
    are there. A lone dataset has one run for each task, as each pause between two runs would leave
    requests of the budget unused.
    """
    missing = [task for task in tasks if task.to_fetch]
    if len({task.dataset.name for task in missing}) < 2:
        yield from _newest_first(_spans(missing))
        return
    newest = max(max(task.to_fetch) for task in missing)
    border = newest - _NEWEST
    yield from _newest_first(_spans(missing, after=border))
    # What takes the fewest requests next, so that access that ends leaves the least undone.
    requests = {task.dataset.name: 0 for task in missing}
    for task in missing:
        days = sum(count for day, count in task.to_fetch.items() if day <= border)
        requests[task.dataset.name] += days // (31 if task.dataset.takes_ranges else 1)
    for name in sorted(requests, key=lambda name: requests[name]):
        of_dataset = [task for task in missing if task.dataset.name == name]
        yield from _newest_first(_spans(of_dataset, until=border))


def _counts(column: pa.ChunkedArray) -> Iterator[tuple[Any, int]]:
    for counted in pc.value_counts(column).to_pylist():
        yield counted["values"], counted["counts"]


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
