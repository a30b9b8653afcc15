"""Energy flows by day, month and year and in total, as aggregated by the API.

Source: API document, section "Energy Flow Data", "Get Energy Flow Data", and the recorded days.

Grain: inverter, grouping, start and end. Labels are local times without an offset; the day of a
clock change has 23 or 25 hours. A current period already has its end, and every later response
replaces its energies until some days after it. The total runs from commissioning to the start of
the day of the request, so each requested day has a row; the total of a silent inverter runs to the
end of its last day.

Requests: the first time, one per year of an inverter's days and one each for its months, years and
total. Once, all months since the vendor's cloud exists, which show when its history begins; if the
API refuses so long a range, a year at a time backwards. Later four per inverter and day: the days
since the first of last month, last month and this month, this year (in January last year as well),
and the total. Only the months for an inverter that has been silent since the last request. Ranges
that the API refuses are halved.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from assets.energy_flows import FlowRow, flow_columns, flow_request, flow_schema
from assets.framework import (
    EARLIEST_DATA,
    TIME_LOCAL,
    Cadence,
    DeviceKind,
    KnownState,
    Moments,
    Request,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    TimeSpan,
    column,
    extra_column,
    extra_fields,
    instant,
    integer,
    local_day,
    name_of_code,
    parse_local_times,
    provenance_columns,
    read_sql,
    reject,
    table_schema,
    text,
    to_utc,
)
from givenergy.endpoints.inverter_endpoints import ENERGY_FLOWS
from warehouse.archive import ArchivedResponse

DAILY, MONTHLY, YEARLY, TOTAL = 1, 2, 3, 4
_DAY = timedelta(days=1)
_EARLIEST = EARLIEST_DATA.date()
_MOST_DAYS = 366
# Half of a range no longer than this is not requested: its length is not why it is refused.
_SHORT_DAYS = 31
_MOST_KWH = 1e8
# How long values are revised, as in `flow_aggregates_answered`.
_REVISED = timedelta(days=5)
# The last period begins in the requested range and may end after it.
_LONGEST_PERIOD = {DAILY: _DAY, MONTHLY: 31 * _DAY, YEARLY: 366 * _DAY, TOTAL: _DAY}

TABLE = Table(
    name="energy_flow_aggregates",
    description="Energy flows added up by day, by month, by year and in total.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "grouping": integer(
                "Grouping",
                "Code of the period over which energies are aggregated, as requested.",
                codes="flow_grouping",
                nullable=False,
            ),
            "grouping_name": name_of_code("Grouping"),
            "start_at": instant(
                "Start (UTC)", "When the period began, in UTC.", "start_time", nullable=False
            ),
            "end_at": instant(
                "End (UTC)", "When the period ends, in UTC.", "end_time", nullable=False
            ),
            "start_local": column(
                TIME_LOCAL,
                "Start (local)",
                "The start as sent: local time.",
                source="start_time",
                nullable=False,
            ),
            "end_local": column(
                TIME_LOCAL,
                "End (local)",
                "The end as sent: local time.",
                source="end_time",
                nullable=False,
            ),
            **flow_schema(_MOST_KWH),
            **extra_fields(),
            **provenance_columns(),
        }
    ),
    key=("inverter_serial", "grouping", "start_at", "end_at"),
    time_column="start_at",
    device_column="inverter_serial",
    requested_columns=("end_at",),
)


class EnergyFlowAggregates(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring.

    Later versions of the API call the endpoint deprecated: it may be missing one day.
    """

    name = "energy_flow_aggregates"
    version = 2
    endpoint = ENERGY_FLOWS
    group = "energy_flows"
    row_type = FlowRow
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.DAILY
    # Not by the months, which are also requested to find when history begins.
    refreshed_by = f'"grouping":{TOTAL}'
    optional = True
    sample_params = (("grouping", DAILY),)

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the periods whose data are not final yet."""
        today = local_day(state.now, state.zone)
        settled = {} if state.refetch else self._settled(state)
        for device in state.devices_of(DeviceKind.INVERTER):
            commissioned, last_contact = device.days(_EARLIEST, today, state.zone)
            for grouping in (DAILY, MONTHLY, YEARLY, TOTAL):
                begin = _period_start(commissioned, grouping)
                until = begin - _DAY
                for answered_from, answered_until in settled.get((device.device_id, grouping), ()):
                    if answered_from <= until + _DAY:
                        until = max(until, answered_until)
                last = last_contact
                # It can be out of date: the energy of a month, requested daily, shows it.
                if grouping == MONTHLY and until < today - _REVISED:
                    last = today
                if until < last:
                    begin = max(begin, _first_day_to_request(until, last, grouping))
                    # A day that begins at the end comes whole, but a total ends there.
                    end = min(last + _DAY, today) if grouping == TOTAL else last
                    yield from _requests(device.device_id, begin, end, grouping)

    def history_requests(self, state: KnownState) -> Iterator[Request]:
        """Request what shows when the history of each inverter begins, if it is not known yet.

        All months; then the days of the first month with energy, if it is before the month of the
        commissioning. Where the API refuses so long a range, the year before the first known day,
        again after each year with energy.
        """
        today = local_day(state.now, state.zone)
        settled = self._settled(state)
        periods = energy_periods(state)
        for device in state.devices_of(DeviceKind.INVERTER):
            serial, found = device.device_id, periods.get(device.device_id)
            begun, _ = device.days(_EARLIEST, today, state.zone)
            # Energy in the month of the commissioning shows nothing earlier.
            if found and (found.first_period_end or found.first) < begun.replace(day=1):
                begun = found.first
            year_before = max(_EARLIEST, begun - _DAY * _MOST_DAYS)
            if not _is_covered(year_before, settled.get((serial, MONTHLY), ())):
                yield _all_months(serial, today, year_before, begun)
            elif found and found.first_period_end:
                listed = device.commissioned_at and local_day(device.commissioned_at, state.zone)
                is_before_listed = not listed or found.first_period_end < listed
                are_days_known = _is_covered(found.first, settled.get((serial, DAILY), ()))
                if is_before_listed and not are_days_known:
                    yield from _requests(serial, found.first, found.first_period_end, DAILY)

    def _settled(self, state: KnownState) -> Mapping[tuple[str, int], list[tuple[date, date]]]:
        """Return, by inverter and grouping, the ordered ranges whose responses were final."""
        ranges: dict[tuple[str, int], list[tuple[date, date]]] = {}
        for row in state.rows(read_sql("flow_aggregates_answered"), dataset=self.name):
            key = (row["device_id"], row["grouping_code"])
            ranges.setdefault(key, []).append((row["first_date"], row["settled_date"]))
        return ranges

    def requested_time(self, response: ArchivedResponse) -> TimeSpan:
        """Return the requested periods; a total begins at commissioning."""
        sent = msgspec.json.decode(response.params)
        if not {"start_time", "end_time"} <= sent.keys():
            return super().requested_time(response)
        grouping = sent["grouping"]
        first, last = (date.fromisoformat(sent[name]) for name in ("start_time", "end_time"))
        first = _EARLIEST if grouping == TOTAL else _period_start(first, grouping)
        return TimeSpan.of_days(first, last + _LONGEST_PERIOD[grouping])

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        zone = response.request_zone or "UTC"
        grouping = msgspec.json.decode(response.params)["grouping"]
        start_local, end_local = parse_local_times(rows, ("start_time", "end_time"), response.body)
        forwards = np.asarray(start_local) <= np.asarray(end_local)
        reject(rows, np.flatnonzero(~forwards).tolist(), "end_time", response.body)
        start_local = start_local.filter(pa.array(forwards))
        end_local = end_local.filter(pa.array(forwards))
        count = len(rows.values)
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), count),
            "grouping": pa.repeat(pa.scalar(grouping, pa.int64()), count),
            "start_at": to_utc(Moments.from_local(start_local, zone, shift=True).first),
            "end_at": to_utc(Moments.from_local(end_local, zone, shift=True).first),
            "start_local": start_local,
            "end_local": end_local,
            **flow_columns(rows.values),
            "extra_fields": extra_column(rows),
        }


@dataclass(frozen=True, slots=True)
class EnergyPeriod:
    """The days between which an inverter had energy, as far as flows show.

    Attributes:
        first: First day.
        first_period_end: Last day of the month or year that `first` begins, if no day is known.
        last_start: First day of the last day, month or year with energy.
        last: Its last day.
    """

    first: date
    first_period_end: date | None
    last_start: date
    last: date


def energy_periods(state: KnownState) -> Mapping[str, EnergyPeriod]:
    """Return the period with energy of each inverter that has any in the tables."""
    found: dict[str, dict[int, Mapping[str, date]]] = {}
    for row in state.rows(read_sql("energy_periods")):
        found.setdefault(row["inverter_serial"], {})[row["grouping"]] = row
    return {serial: _energy_period(rows) for serial, rows in found.items()}


def _energy_period(rows: Mapping[int, Mapping[str, date]]) -> EnergyPeriod:
    """Combine years, months and days: the finer grouping counts within the coarser one."""
    first, first_end = date.min, date.max
    for grouping in sorted(rows, reverse=True):
        if rows[grouping]["first_start"] <= first_end:
            first, first_end = rows[grouping]["first_start"], rows[grouping]["first_end"]
    last = max(rows.values(), key=lambda row: row["last_start"])
    return EnergyPeriod(
        first, None if first_end <= first else first_end, last["last_start"], last["last_end"]
    )


def _is_covered(day: date, ranges: Iterable[tuple[date, date]]) -> bool:
    return any(first <= day <= last for first, last in ranges)


def _period_start(day: date, grouping: int) -> date:
    """Return the first day of the period in which a day lies."""
    if grouping == MONTHLY:
        return day.replace(day=1)
    if grouping == YEARLY:
        return day.replace(month=1, day=1)
    return day


def _first_day_to_request(settled: date, last: date, grouping: int) -> date:
    """Return the first day to request: last month's first day or an earlier one not settled."""
    if grouping == TOTAL:
        return date.min
    last_month = (last.replace(day=1) - timedelta(days=1)).replace(day=1)
    return _period_start(min(settled + timedelta(days=1), last_month), grouping)


def _requests(device_id: str, first: date, last: date, grouping: int) -> Iterator[Request]:
    """Request a range of days, both included; daily energies in several requests if needed."""
    while grouping == DAILY and (last - first).days >= _MOST_DAYS:
        end = first + timedelta(days=_MOST_DAYS - 1)
        yield _request_range(device_id, first, end, grouping)
        first = end + timedelta(days=1)
    yield _request_range(device_id, first, last, grouping)


def _request_range(device_id: str, first: date, last: date, grouping: int) -> Request:
    # What begins at the end of a range comes as well (recorded): the last day, month or year.
    label = f"grouping {grouping}, {first} to {last}"
    request = flow_request(device_id, first, last, grouping, label)
    if (middle := _middle(first, last, grouping)) is None:
        return request

    def halves() -> list[Request]:
        return [
            _request_range(device_id, middle, last, grouping),
            _request_range(device_id, first, middle - timedelta(days=1), grouping),
        ]

    return replace(request, fallback=halves)


def _all_months(device_id: str, today: date, first: date, last: date) -> Request:
    """Request all months, or those between two days if the API refuses that."""

    def months(begin: date, end: date) -> Request:
        return flow_request(device_id, begin, end, MONTHLY, f"grouping {MONTHLY}, {begin} to {end}")

    request = months(_EARLIEST, today)
    if first <= _EARLIEST:
        return request
    return replace(request, fallback=lambda: [months(first, last)])


def _middle(first: date, last: date, grouping: int) -> date | None:
    """Return the first day of the second half of a range; None if it cannot be halved."""
    days = (last - first).days + 1
    if grouping == TOTAL or days <= _SHORT_DAYS:
        return None
    begun = _period_start(first + timedelta(days=days // 2), grouping)
    later = (begun + timedelta(days=number) for number in range((last - begun).days + 1))
    starts = (day for day in later if day > first and day == _period_start(day, grouping))
    return next(starts, None)


DATASET = EnergyFlowAggregates()
