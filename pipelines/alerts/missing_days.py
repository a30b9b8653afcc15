"""What is missing of what was wanted, from the stored states; nobody is asked for anything.

`pipelines.health.overview` says the same of all of history for people; here it is only what is
worth an alert: days that were wanted, and what is asked for as it stands now.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import Devices, of_kinds
from assets.framework.ingestion.day_states import day_states
from pipelines.backfill_plan import requested_tasks
from pipelines.discovery import known_devices
from pipelines.health.freshness import freshness
from pipelines.requested_ranges import Range, joined
from pipelines.selection import daily, selected, selected_snapshots
from pipelines.settings import Settings
from warehouse import Lake, State

# As far back as the daily schedule looks by itself.
_LOOK_BACK = timedelta(days=35)
_WRONG = frozenset({State.FAILED, State.FORBIDDEN, State.PARTIAL})
_NOT_THERE = _WRONG | {State.NOT_REQUESTED, State.PROVISIONAL, State.NOT_BUILT}
# What is archived is in the tables long before, unless its build fails or a process was killed.
_BUILT_WITHIN = timedelta(hours=1)

Days = Mapping[str, Sequence[Range]]  # by device


@dataclass(frozen=True, slots=True)
class MissingDays:
    """Days of a device, one after the other, that are missing.

    Attributes:
        first: first day.
        last: last day.
        wrong: whether any of them was asked for and failed, was refused or came in part; the
            others were not asked for although they were wanted, or not since they were over.
    """

    first: date
    last: date
    wrong: bool


@dataclass(slots=True)
class Missing:
    """What is missing, by dataset and device.

    Attributes:
        days: holes of what is asked for by day.
        asked: devices, "" for the account, of what is asked for as it stands now; whether it
            failed, or was not asked for at all.
        looked_at: the datasets that were looked at.
    """

    days: dict[str, dict[str, list[MissingDays]]] = field(default_factory=dict)
    asked: dict[str, dict[str, bool]] = field(default_factory=dict)
    looked_at: set[str] = field(default_factory=set)


def missing(
    lake: Lake,
    settings: Settings,
    zone: str,
    known: Mapping[str, Days],
    *,
    now: datetime,
    since: date | None,
    until: date,
) -> Missing:
    """Find what is missing.

    Args:
        lake: the data folder.
        settings: which datasets run.
        zone: the account's time zone.
        known: days that are known to be missing; they are looked at whenever they were.
        now: the present time, UTC.
        since: the first day to look at; None for the last weeks.
        until: the last day to look at.
    """
    chosen = selected(settings)
    devices = known_devices(lake)
    expected = lake.expected()
    found = Missing(looked_at={dataset.name for dataset in chosen})
    for dataset in daily(chosen):
        first = since or until - _LOOK_BACK
        windows = list(_windows(lake, dataset, devices, first, until))
        windows += _of_known(known.get(dataset.name, {}))
        days: dict[str, dict[date, bool]] = {}
        for window in windows:
            mine = expected.filter(_of(expected, dataset, window.device_ids))
            begin = max(window.first, pc.min(mine["first_date"]).as_py() or window.last)
            for states in day_states(lake, dataset, mine, begin, window.last, now=now):
                for device_id, day, wrong in _unsettled(states, zone, now):
                    if wrong or window.wanted:
                        days.setdefault(device_id, {})[day] = wrong
        if days:
            found.days[dataset.name] = {
                device_id: _gaps(of_device) for device_id, of_device in days.items()
            }
    for fresh in freshness(lake, selected_snapshots(chosen), settings):
        asked = dict.fromkeys(fresh.not_requested, False)
        asked |= {one.device_id: True for one in fresh.asked if one.state in _WRONG}
        if asked:
            found.asked[fresh.dataset] = asked
    return found


def _gaps(days: Mapping[date, bool]) -> list[MissingDays]:
    ranges = joined([(day, day) for day in days])
    return [
        MissingDays(first, last, any(wrong for day, wrong in days.items() if first <= day <= last))
        for first, last in ranges
    ]


@dataclass(frozen=True, slots=True)
class _Window:
    """Days of devices to look at; of those that nobody `wanted` only what went wrong counts."""

    device_ids: Sequence[str]
    first: date
    last: date
    wanted: bool


def _windows(
    lake: Lake, dataset: DailyDataset, devices: Devices, since: date, until: date
) -> Iterator[_Window]:
    of_dataset = of_kinds(devices, dataset.device_kinds)
    all_devices = [device.device_id for device in of_dataset]
    yield _Window(all_devices, min(since, until), until, False)
    # Whoever wants alerts wants the last day, also when no schedule has ever run.
    yield _Window(all_devices, until, until, True)
    for task in requested_tasks(lake, dataset, of_dataset):
        first, last = max(task.start, since), min(task.end, until)
        if first <= last:
            yield _Window([device.device_id for device in task.devices], first, last, True)


def _of_known(known: Days) -> Iterator[_Window]:
    """One window for all that is known to be missing: usually it is little, and recent."""
    ranges = [one for of_device in known.values() for one in of_device]
    if ranges:
        first, last = min(first for first, _ in ranges), max(last for _, last in ranges)
        yield _Window(sorted(known), first, last, True)


def _of(expected: pa.Table, dataset: DailyDataset, device_ids: Sequence[str]) -> pa.Array:
    return pc.and_(
        pc.equal(expected["dataset"], dataset.name),
        pc.is_in(expected["device_id"], pa.array(device_ids, pa.string())),
    )


def _unsettled(states: pa.Table, zone: str, now: datetime) -> Iterator[tuple[str, date, bool]]:
    """Give device-days that are not there, and whether something went wrong with them."""
    names = ("device_id", "request_date", "state", "last_fetched_at")
    states = states.filter(pc.is_in(states["state"], pa.array(sorted(map(str, _NOT_THERE)))))
    for device_id, day, state, fetched_at in zip(
        *(states[name].to_pylist() for name in names), strict=True
    ):
        over_at = _over_at(day, zone)
        if state in _WRONG:
            yield device_id, day, True
        elif state == State.NOT_BUILT:
            if now - fetched_at > _BUILT_WITHIN:
                yield device_id, day, False
        elif over_at <= now and (state != State.PROVISIONAL or fetched_at < over_at):
            yield device_id, day, False


def _over_at(day: date, zone: str) -> datetime:
    """When a day has ended, by the account's clock and in UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time())
    return max(midnight.replace(tzinfo=UTC), midnight.replace(tzinfo=ZoneInfo(zone)))
