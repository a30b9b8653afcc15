"""EV meter readings: everything that the meters of a charger measured, about once a minute.

Source: API document, section "EV Charger", "Meter Data", and what users have reported.

Grain: charger, meter, time and measurand. The answer's rows are data points, each of one meter and
one time with several measurements; a data point without any is no row and counted as drift
(`empty_list`). Times have no zone and are UTC. A value has the unit that is sent with it, which
differs from one to the next (Wh and kWh, W and kW); `value_normalised` makes them comparable. Where
no unit is sent it is implied only for what has no second one: a current, a voltage, a frequency, a
power factor, a fan's turns, a state of charge. An energy, a power or a temperature without a unit
is not guessed at. Both ends of what is asked for belong to the answer, so a reading at midnight
comes with two days; it is one row, of the day that it begins.

What is counted by day (`rows_by_day`, `coverage`) is data points, from the day's start to before
its end; the table has a row for each measurement of them.

Requests: 1 for each charger and day. A day has up to 1,500 data points of each of 4 meters, a page
holds 10,000. A day that is not over is asked for up to now.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from assets.ev_meter_readings.measurements import extra_column, measurements_of, normalised
from assets.ev_meter_readings.reading_columns import TABLE, DataPoint
from assets.framework import (
    DailyDataset,
    DeviceKind,
    PageByPage,
    Request,
    Rows,
    TableRows,
    decode_rows,
    instant_of,
    local_columns,
    parse_times,
)
from givenergy import domain
from givenergy.endpoints import EV_METER_DATA
from warehouse import ArchivedResponse

# Newer versions of the API answer only for what is named.
_MEASURANDS = [int(code.code) for code in domain("measurand")]
_METERS = [int(code.code) for code in domain("ev_meter")]
# A clock that is a little fast must not ask for what is the future to the API.
_CLOCK_MARGIN = timedelta(seconds=30)


class _Stamp(msgspec.Struct):
    timestamp: str | None = None


class EvMeterReadings(PageByPage, DailyDataset):
    """The dataset; see the module's docstring."""

    name = "ev_meter_readings"
    version = 1
    endpoint = EV_METER_DATA
    group = "ev_chargers"
    row_type = DataPoint
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.EV_CHARGER,)
    lateness_days = 1

    def request(self, device_id: str, first: date, last: date, zone: str) -> Request:
        """Name the charger, the bounds of its local days in UTC, and all that can be measured."""
        start, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
        now = datetime.now(UTC) - _CLOCK_MARGIN
        return Request(
            path={"charger": device_id},
            query={
                "start_time": _written(start),
                "end_time": _written(max(start, min(end, now))),
                "measurands[]": _MEASURANDS,
                "meter_ids[]": _METERS,
            },
        )

    def rows_by_day(
        self, bodies: Sequence[bytes], first: date, last: date, zone: str
    ) -> list[int] | None:
        """Count the data points of each day; one without a readable time counts for the first."""
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        starts = [_midnight(day, zone) for day in [*days, last + timedelta(days=1)]]
        counts = [0] * len(days)
        for body in bodies:
            rows = decode_rows(body, _Stamp)
            times = [instant_of(row.timestamp, zoneless_is_utc=True) for row in rows.values]
            counts[0] += len(rows.rejected) + times.count(None)
            for number in range(len(days)):
                start, end = starts[number], starts[number + 1]
                counts[number] += sum(time is not None and start <= time < end for time in times)
        return counts

    def parts(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, TableRows]:
        """Make a row of each measurement."""
        times = parse_times(rows, "timestamp", response.body, zoneless_is_utc=True)
        found = measurements_of(rows, response.body)
        local = local_columns(times, response.request_zone or "UTC")
        of_points = {
            "meter_id": pa.array([point.meter_id for point in rows.values], pa.int64()),
            "time": times,
            **local,
            "request_date": local["local_date"],
        }
        points = pa.array(found.points, pa.int64())
        columns = {
            "charger_uuid": pa.repeat(pa.scalar(response.device_id), len(points)),
            **{name: values.take(points) for name, values in of_points.items()},
            **found.columns,
            **normalised(found),
            "extra_fields": extra_column(rows, found),
        }
        positions = [rows.positions[point] for point in found.points]
        return {TABLE.name: TableRows(columns, positions, exploded=True)}


def _midnight(day: date, zone: str) -> datetime:
    """Give, in UTC, when a day begins in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


DATASET = EvMeterReadings()
