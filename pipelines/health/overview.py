"""Overview of the device-days by state, and the gaps, for people, programs and checks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import Device
from givenergy.server_clock import utc_now
from pipelines.backfill_plan import count_requests, requested_tasks
from pipelines.health.day_words import NextChecks, next_checks
from warehouse.coverage import (
    SETTLED,
    TO_CONFIRM_REASON,
    Gap,
    State,
    add_gaps,
    coverage_by_month,
    days_to_fetch,
    missing_days,
    not_whole_days,
)
from warehouse.lake import Lake


@dataclass(slots=True)
class DeviceOverview:
    """One device: its days by state, by month and state, and its gaps, newest first.

    Days that are fetched and not whole are `not_whole`, grouped like gaps; `empty_so_far` counts by
    month those that are over and empty, and to be confirmed.
    """

    device_id: str
    name: str
    days_by_state: Counter[State] = field(default_factory=Counter)
    months: dict[str, Counter[State]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    not_whole: list[Gap] = field(default_factory=list)
    empty_so_far: Counter[str] = field(default_factory=Counter)
    rows: int = 0


@dataclass(slots=True)
class Overview:
    """One dataset over all devices.

    Attributes:
        dataset: Its name.
        devices: The devices.
        requests: The minimum number of requests for the requested days that need a fetch.
        checks: When the days that are empty so far are checked again.
    """

    dataset: str
    devices: list[DeviceOverview]
    requests: int = 0
    checks: NextChecks = field(default_factory=Counter)

    @property
    def days_by_state(self) -> Counter[State]:
        """Device-days by state over all devices."""
        total: Counter[State] = Counter()
        for device in self.devices:
            total.update(device.days_by_state)
        return total

    @property
    def settled(self) -> bool:
        """Whether nothing is failed, partial, forbidden, not built or not requested."""
        return set(self.days_by_state) <= SETTLED


def overview(
    lake: Lake,
    dataset: DailyDataset,
    devices: Sequence[Device],
    range_days: int = 1,
    zone: str = "UTC",
) -> Overview:
    """Summarize the states of a dataset's device-days, in one pass over its coverage.

    Args:
        lake: The data folder.
        dataset: Whose days.
        devices: The devices to include.
        range_days: How many days one request may cover, where the endpoint takes ranges.
        zone: IANA time zone of the days on which empty days are checked again.
    """
    by_device = {each.device_id: DeviceOverview(each.device_id, each.name) for each in devices}
    summary = Overview(dataset.name, list(by_device.values()))
    expected = lake.expected()
    expected = expected.filter(
        pc.and_(
            pc.equal(expected["dataset"], dataset.name),
            pc.is_in(expected["device_id"], pa.array(list(by_device), pa.string())),
        )
    )
    if expected.num_rows == 0:
        return summary
    tasks = requested_tasks(lake, dataset, devices)
    gaps = {device_id: device.gaps for device_id, device in by_device.items()}
    not_whole = {device_id: device.not_whole for device_id, device in by_device.items()}

    def requested_days() -> Iterator[pa.Table]:
        for states in coverage_by_month(
            lake,
            [dataset.coverage_rule],
            expected,
            pc.min(expected["first_date"]).as_py(),
            pc.max(expected["last_date"]).as_py(),
            now=utc_now(),
        ):
            _count(states, by_device)
            add_gaps(gaps, missing_days(states))
            add_gaps(not_whole, not_whole_days(states))
            summary.checks.update(next_checks(states, zone))
            to_fetch = days_to_fetch(states)
            yield pa.concat_tables([to_fetch.slice(0, 0), *(t.select(to_fetch) for t in tasks)])

    summary.requests = count_requests(requested_days(), range_days if dataset.takes_ranges else 1)
    return summary


def describe_failures(count: int, last_at: datetime | None) -> str:
    """Return in brackets how often a request failed and when last; "" if it never failed."""
    if not count or last_at is None:
        return ""
    how_often = "once" if count == 1 else f"{count:,} times, last"
    return f" (failed {how_often} at {last_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"


def _count(states: pa.Table, by_device: dict[str, DeviceOverview]) -> None:
    """Count the days of a month."""
    groups = states.group_by(["device_id", "state"]).aggregate(
        [("request_date", "count"), ("rows", "sum"), ("request_date", "min")]
    )
    to_confirm = states.filter(pc.equal(states["reason"], TO_CONFIRM_REASON))
    for group in groups.to_pylist():
        device = by_device[group["device_id"]]
        state, days = State(group["state"]), group["request_date_count"]
        month = f"{group['request_date_min']:%Y-%m}"
        device.days_by_state[state] += days
        device.months.setdefault(month, Counter())[state] += days
        device.rows += group["rows_sum"] or 0
    for row in to_confirm.select(["device_id", "request_date"]).to_pylist():
        by_device[row["device_id"]].empty_so_far[f"{row['request_date']:%Y-%m}"] += 1
