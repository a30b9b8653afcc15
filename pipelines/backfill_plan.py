"""Plan a command that fetches: the device-days that it covers, and those to fetch."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.day_range import Range
from assets.framework.contract.devices import Device, expected_days
from assets.framework.contract.stored_ranges import NAMED, REQUESTED
from assets.framework.ingestion.day_ranges import day_ranges_of
from givenergy.server_clock import utc_now
from pipelines.health.day_words import NextChecks, next_checks
from warehouse.coverage import State, between, coverage_by_month, days_to_fetch, in_states
from warehouse.lake import Lake

# How much of every dataset is fetched before the older days of any. As many days as one request of
# a range covers, so that the split costs no additional request.
_NEWEST = timedelta(days=31)


@dataclass(slots=True)
class BackfillTask:
    """A range of days of devices for which the same range is requested.

    Attributes:
        dataset: What to fetch.
        devices: The devices to fetch.
        all_devices: Whether these are all devices of the account.
        start: First day.
        end: Last day.
        named: Whether to request all these days, also those on which the lists say that a device
            was not there; otherwise those that are stored as named.
        days_by_state: Expected device-days by state; `plan_missing` fills it in.
        to_fetch: Device-days to fetch, by requested date; `plan_missing` fills it in.
        next_checks: When days that are empty so far are checked again; `plan_missing` fills it in.
        unlisted: Device-days to fetch outside the listed times; `plan_missing` fills it in.
    """

    dataset: DailyDataset
    devices: tuple[Device, ...]
    all_devices: bool
    start: date
    end: date
    named: bool = False
    days_by_state: Counter[State] = field(default_factory=Counter, compare=False)
    to_fetch: Counter[date] = field(default_factory=Counter, compare=False)
    next_checks: NextChecks = field(default_factory=Counter, compare=False)
    unlisted: int = field(default=0, compare=False)

    @property
    def device_ids(self) -> list[str]:
        """The devices to limit a run to; empty means all."""
        return [] if self.all_devices else [device.device_id for device in self.devices]

    def select(self, states: pa.Table) -> pa.Table:
        """Select the task's days from the states of its dataset."""
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
    only: Collection[State] = (),
    days_per_request: Callable[[DailyDataset], int] = lambda _: 1,
    further_pages: Callable[[DailyDataset, pa.Table], float] = lambda dataset, days: 0.0,
) -> Counter[str]:
    """Plan which days of tasks to fetch, without a request.

    The coverage of each dataset is read once for all its tasks.

    Args:
        lake: The data folder.
        tasks: Tasks without common device-days; the tasks of a dataset are adjacent.
        zone: IANA time zone of the days.
        now: The present time, UTC; None for the clock's, corrected.
        refetch: Whether to fetch complete days again.
        refresh: Whether to fetch days again that were not over when they were fetched.
        only: The states of which to fetch days; none for all that need a fetch.
        days_per_request: How many days of a dataset one request may cover.
        further_pages: How many pages the responses of device-days have, without the first ones.

    Returns:
        The number of requests by dataset.
    """

    def select(days: pa.Table) -> pa.Table:
        days = days_to_fetch(days, refetch=refetch, refresh=refresh)
        return days.filter(in_states(days, only)) if only else days

    requests: Counter[str] = Counter()
    for dataset, group in groupby(tasks, key=lambda task: task.dataset):
        siblings = list(group)
        devices = {device.device_id: device for task in siblings for device in task.devices}
        start, end = min(task.start for task in siblings), max(task.end for task in siblings)
        named = NAMED.of_devices(lake, dataset.name, devices)
        for task in siblings:
            for device in task.devices if task.named else ():
                named[device.device_id].append((task.start, task.end))
        expected = expected_days(dataset.name, devices.values(), start, end, zone, named)
        months = coverage_by_month(
            lake, [dataset.coverage_rule], expected, start, end, now=now or utc_now()
        )
        listed = {each.device_id: each.days(start, end, zone) for each in devices.values()}
        planned = _plan_by_month(siblings, months, select, listed, zone)
        requests[dataset.name] = count_requests(
            planned, days_per_request(dataset), partial(further_pages, dataset)
        )
    return requests


def _plan_by_month(
    tasks: Sequence[BackfillTask],
    months: Iterable[pa.Table],
    select: Callable[[pa.Table], pa.Table],
    listed: Mapping[str, Range],
    zone: str,
) -> Iterator[pa.Table]:
    """Fill in the tasks of a dataset; yield the days to fetch of each month."""
    for task in tasks:
        task.days_by_state.clear()
        task.to_fetch.clear()
        task.next_checks.clear()
        task.unlisted = 0
    for states in months:
        to_fetch = []
        for task in tasks:
            days = task.select(states)
            for state, count in _counts(days["state"]):
                task.days_by_state[State(state)] += count
            task.next_checks.update(next_checks(days, zone))
            to_fetch.append(select(days))
            for day, count in _counts(to_fetch[-1]["request_date"]):
                task.to_fetch[day] += count
            task.unlisted += _count_outside(to_fetch[-1], listed)
        yield pa.concat_tables(to_fetch)


def _count_outside(days: pa.Table, ranges: Mapping[str, Range]) -> int:
    """Count the device-days outside the range of their device."""
    device = pc.index_in(days["device_id"], pa.array(list(ranges), pa.string()))
    first, last = (pa.array([ends[at] for ends in ranges.values()], pa.date32()) for at in (0, 1))
    day = days["request_date"]
    outside = pc.or_(pc.less(day, first.take(device)), pc.greater(day, last.take(device)))
    return int(pc.sum(outside, min_count=0).as_py())


def requested_tasks(
    lake: Lake, dataset: DailyDataset, devices: Sequence[Device]
) -> list[BackfillTask]:
    """List the ranges that the owner has requested; devices with the same ranges share tasks."""
    ids = (device.device_id for device in devices)
    ranges_by_device = REQUESTED.of_devices(lake, dataset.name, ids)
    groups: dict[tuple[Range, ...], list[Device]] = {}
    for device in devices:
        groups.setdefault(tuple(ranges_by_device[device.device_id]), []).append(device)
    return [
        BackfillTask(dataset, tuple(group), len(group) == len(devices), start, end)
        for ranges, group in groups.items()
        for start, end in ranges
    ]


def count_requests(
    months: Iterable[pa.Table],
    days_per_request: int,
    further_pages: Callable[[pa.Table], float] = lambda days: 0.0,
) -> int:
    """Return the number of requests for device-days; the newest month comes first."""
    if days_per_request == 1:
        return round(math.fsum(month.num_rows + further_pages(month) for month in months))
    return sum(map(len, day_ranges_of(months, days_per_request)))


def runs(tasks: Sequence[BackfillTask]) -> Iterator[tuple[BackfillTask, date, date]]:
    """Yield the runs of tasks: the newest weeks of every dataset, then the older days of each.

    A run extends from the first to the last day to fetch; it skips complete days in between. A
    single dataset has one run per task, because requests of the budget stay unused between runs.
    """
    missing = [task for task in tasks if task.to_fetch]
    if len({task.dataset.name for task in missing}) < 2:
        yield from _newest_first(_spans(missing))
        return
    newest = max(max(task.to_fetch) for task in missing)
    border = newest - _NEWEST
    yield from _newest_first(_spans(missing, after=border))
    # The dataset with the fewest requests next: if access ends, the fewest datasets are incomplete.
    requests = {task.dataset.name: 0 for task in missing}
    for task in missing:
        days = sum(count for day, count in task.to_fetch.items() if day <= border)
        requests[task.dataset.name] += days // (31 if task.dataset.takes_ranges else 1)
    for name in sorted(requests, key=lambda name: requests[name]):
        siblings = [task for task in missing if task.dataset.name == name]
        yield from _newest_first(_spans(siblings, until=border))


def _counts(column: pa.ChunkedArray) -> Iterator[tuple[Any, int]]:
    for entry in pc.value_counts(column).to_pylist():
        yield entry["values"], entry["counts"]


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
