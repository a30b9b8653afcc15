"""What is there and what is not: device-days by state, for people, programs and checks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import Device
from assets.framework.ingestion.day_states import day_states
from warehouse import Lake, State

# States that need nothing to be done: what the API has is there, or cannot be there yet.
SETTLED = frozenset({State.COMPLETE, State.EMPTY, State.PROVISIONAL, State.GONE})


@dataclass(slots=True)
class Gap:
    """Days of one device, one after the other, that are in one state for one reason.

    `error_count` is how many requests for the most troubled of them failed.
    """

    first: date
    last: date
    state: State
    reason: str
    last_error_at: datetime | None
    error_count: int


@dataclass(slots=True)
class DeviceOverview:
    """One device: its days by state, by month and state, and what is missing."""

    device_id: str
    days_by_state: Counter[State] = field(default_factory=Counter)
    months: dict[str, Counter[State]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    rows: int = 0


@dataclass(slots=True)
class Overview:
    """One dataset over all devices."""

    dataset: str
    devices: list[DeviceOverview]

    @property
    def days_by_state(self) -> Counter[State]:
        """Device-days by state over all devices."""
        total: Counter[State] = Counter()
        for device in self.devices:
            total.update(device.days_by_state)
        return total

    @property
    def settled(self) -> bool:
        """Whether nothing is failed, partial, forbidden or not requested."""
        return set(self.days_by_state) <= SETTLED


def overview(
    lake: Lake,
    dataset: DailyDataset,
    devices: Sequence[Device],
    start: date | None = None,
    end: date | None = None,
) -> Overview:
    """Sum up the states of a dataset's device-days, between two days if they are given."""
    expected = _limited(lake.expected(), dataset.name, {d.device_id for d in devices}, start, end)
    if expected.num_rows == 0:
        return Overview(dataset.name, [DeviceOverview(device.device_id) for device in devices])
    by_device = {device.device_id: DeviceOverview(device.device_id) for device in devices}
    for states in day_states(
        lake,
        dataset,
        expected,
        pc.min(expected["first_date"]).as_py(),
        pc.max(expected["last_date"]).as_py(),
        now=datetime.now(UTC),
    ):
        _count(states, by_device)
        _find_gaps(states, by_device)
    return Overview(dataset.name, list(by_device.values()))


def failed(times: int, last_at: datetime | None) -> str:
    """Say in brackets how often a request failed and when last; nothing if it never did."""
    if not times or last_at is None:
        return ""
    how_often = "once" if times == 1 else f"{times:,} times, last"
    return f" (failed {how_often} at {last_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"


def _limited(
    expected: pa.Table, dataset: str, device_ids: set[str], start: date | None, end: date | None
) -> pa.Table:
    expected = expected.filter(
        pc.and_(
            pc.equal(expected["dataset"], dataset),
            pc.is_in(expected["device_id"], pa.array(sorted(device_ids), pa.string())),
        )
    )
    first, last = expected["first_date"], expected["last_date"]
    if start is not None:
        first = pc.max_element_wise(first, pa.scalar(start, pa.date32()))
    if end is not None:
        last = pc.min_element_wise(last, pa.scalar(end, pa.date32()))
    expected = expected.set_column(2, "first_date", first).set_column(3, "last_date", last)
    return expected.filter(pc.less_equal(expected["first_date"], expected["last_date"]))


def _count(states: pa.Table, by_device: dict[str, DeviceOverview]) -> None:
    """Count the days of a month."""
    groups = states.group_by(["device_id", "state"]).aggregate(
        [("request_date", "count"), ("rows", "sum"), ("request_date", "min")]
    )
    for group in groups.to_pylist():
        device = by_device[group["device_id"]]
        state, days = State(group["state"]), group["request_date_count"]
        month = f"{group['request_date_min']:%Y-%m}"
        device.days_by_state[state] += days
        device.months.setdefault(month, Counter())[state] += days
        device.rows += group["rows_sum"] or 0


def _find_gaps(states: pa.Table, by_device: dict[str, DeviceOverview]) -> None:
    """Find what is missing of a month; months come newest first, and so do a device's holes."""
    settled = pa.array([str(state) for state in SETTLED])
    missing = states.filter(pc.invert(pc.is_in(states["state"], settled)))
    missing = missing.sort_by([("device_id", "ascending"), ("request_date", "descending")])
    why = pc.if_else(
        pc.is_in(missing["state"], pa.array([str(State.FAILED), str(State.FORBIDDEN)])),
        pc.coalesce(missing["last_error"], missing["reason"]),
        missing["reason"],
    )
    names = ("device_id", "request_date", "state", "last_error_at", "error_count")
    columns = [missing[name].to_pylist() for name in names]
    for device_id, day, state, at, errors, reason in zip(*columns, why.to_pylist(), strict=True):
        gaps = by_device[device_id].gaps
        newest = gaps[-1] if gaps else None
        if (
            newest is not None
            and (newest.first - day).days == 1
            and (newest.state, newest.reason) == (state, reason or "")
        ):
            newest.first = day
            newest.error_count = max(newest.error_count, errors)
        else:
            gaps.append(Gap(day, day, State(state), reason or "", at, errors))
