"""Find problems that need an alert in the stored states: overdue days, failed snapshots."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.day_range import Range, joined
from assets.framework.contract.devices import Devices, of_kinds
from pipelines.backfill_plan import requested_tasks
from pipelines.health.freshness import freshness
from pipelines.known_devices import known_devices
from pipelines.selection import daily, selected, selected_snapshots
from pipelines.settings import Settings
from warehouse.coverage import (
    UNSUCCESSFUL,
    Gap,
    add_gaps,
    between,
    coverage_by_month,
    joined_gaps,
    overdue_days,
)
from warehouse.lake import Lake

# As far back as the daily schedule plans.
_LOOK_BACK = timedelta(days=35)
# Archived data are in the tables much sooner unless the build fails or a process was killed.
_BUILT_WITHIN = timedelta(hours=1)

RangesByDevice = Mapping[str, Sequence[Range]]


@dataclass(slots=True)
class Overdue:
    """Overdue data by dataset and device.

    Attributes:
        days: Gaps of daily datasets, oldest first.
        snapshots: Devices, "" for the account, of snapshot datasets; whether the request failed,
            or was never made.
        checked: The datasets that were checked.
    """

    days: dict[str, dict[str, list[Gap]]] = field(default_factory=dict)
    snapshots: dict[str, dict[str, bool]] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Window:
    """Days of devices to check; unless they are `requested`, only unsuccessful ones count."""

    device_ids: Sequence[str]
    first: date
    last: date
    requested: bool


def find_overdue(
    lake: Lake,
    settings: Settings,
    known: Mapping[str, RangesByDevice],
    *,
    now: datetime,
    since: date | None,
    until: date,
) -> Overdue:
    """Find overdue data, without a request.

    Args:
        lake: The data folder.
        settings: Which datasets run.
        known: Days that are known to be overdue, by dataset; they are checked whatever `since` is.
        now: The present time, UTC.
        since: The first day to check; None for the last weeks.
        until: The last day to check.
    """
    chosen = selected(settings)
    devices = known_devices(lake)
    overdue = Overdue(checked={dataset.name for dataset in chosen})
    for dataset in daily(chosen):
        windows = list(_windows(lake, dataset, devices, since or until - _LOOK_BACK, until))
        windows += _known_window(known.get(dataset.name, {}))
        if gaps := _gaps(lake, dataset, windows, now):
            overdue.days[dataset.name] = gaps
    for snapshot in freshness(lake, selected_snapshots(chosen), settings):
        failed = dict.fromkeys(snapshot.not_requested, False)
        failed |= {
            each.device_id: True for each in snapshot.last_requests if each.state in UNSUCCESSFUL
        }
        if failed:
            overdue.snapshots[snapshot.dataset] = failed
    return overdue


def _gaps(
    lake: Lake, dataset: DailyDataset, windows: Sequence[_Window], now: datetime
) -> dict[str, list[Gap]]:
    """Find the gaps in windows that may overlap, reading no day twice."""
    expected = lake.expected()
    expected = expected.filter(pc.equal(expected["dataset"], dataset.name))
    if expected.num_rows == 0:
        return {}
    rules, earliest = [dataset.coverage_rule], pc.min(expected["first_date"]).as_py()
    gaps: dict[str, list[Gap]] = {}
    for first, last in reversed(joined((window.first, window.last) for window in windows)):
        start = max(first, earliest)
        for states in coverage_by_month(lake, rules, expected, start, last, now=now):
            days = overdue_days(states, now, built_within=_BUILT_WITHIN)
            add_gaps(gaps, days.filter(_is_inside(days, windows)))
    return {device_id: joined_gaps(of_device) for device_id, of_device in gaps.items()}


def _is_inside(days: pa.Table, windows: Sequence[_Window]) -> pa.ChunkedArray:
    unsuccessful = pc.is_in(days["state"], pa.array(sorted(map(str, UNSUCCESSFUL))))
    inside = pa.array(np.zeros(days.num_rows, dtype=bool))
    for window in windows:
        of_window = between(days, window.first, window.last, window.device_ids)
        inside = pc.or_(inside, of_window if window.requested else pc.and_(of_window, unsuccessful))
    return inside


def _windows(
    lake: Lake, dataset: DailyDataset, devices: Devices, since: date, until: date
) -> Iterator[_Window]:
    of_dataset = of_kinds(devices, dataset.device_kinds)
    all_devices = [device.device_id for device in of_dataset]
    yield _Window(all_devices, min(since, until), until, False)
    # The last day counts as requested, even if no schedule has ever run.
    yield _Window(all_devices, until, until, True)
    for task in requested_tasks(lake, dataset, of_dataset):
        first, last = max(task.start, since), min(task.end, until)
        if first <= last:
            yield _Window([device.device_id for device in task.devices], first, last, True)


def _known_window(known: RangesByDevice) -> Iterator[_Window]:
    """Yield one window around all days known to be overdue: usually they are few, and recent."""
    ranges = [each for of_device in known.values() for each in of_device]
    if ranges:
        first, last = min(first for first, _ in ranges), max(last for _, last in ranges)
        yield _Window(sorted(known), first, last, True)
