"""EV meter readings: every measurement of the meters of a charger, about once a minute.

Source: API document, section "EV Charger", "Meter Data", and reports of users.

Grain: charger, meter, time and measurand. A row of the response is a data point of one meter and
time with several measurements; a data point without any gives no row and is counted as drift
(`empty_list`). Times have no offset and are UTC. The unit is sent with each value and varies (Wh
and kWh, W and kW); `value_normalised` is comparable. A missing unit is implied only for measurands
with a single unit: current, voltage, frequency, power factor, fan speed, state of charge. It is not
guessed for an energy, a power or a temperature. Both bounds of a request are inclusive, so a
reading at midnight is in the responses of two days; it is one row, of the day that it begins.

`rows_by_day` and `coverage` count data points, from the start of the day to before its end; the
table has a row per measurement.

Requests: one per charger and day. A day has up to 1,500 data points of each of 4 meters; a page
holds 10,000. The current day is requested up to now.
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
    CLOCK_MARGIN,
    DailyDataset,
    DeviceKind,
    KnownState,
    PageByPage,
    Request,
    Rows,
    TableRows,
    decode_rows,
    local_columns,
    local_day,
    parse_time,
    parse_times,
    read_sql,
    reject,
)
from givenergy.codes import domain
from givenergy.endpoints.charger_endpoints import EV_METER_DATA
from givenergy.server_clock import utc_now
from warehouse.archive import ArchivedResponse

# Newer versions of the API response only for what is named.
_MEASURANDS = [int(code.code) for code in domain("measurand")]
_METERS = [int(code.code) for code in domain("ev_meter")]


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
    evidence = True
    pages_vary = True

    def request(self, device_id: str, first: date, last: date, zone: str) -> Request:
        """Request all measurands of a charger for its local days, whose bounds are sent in UTC."""
        start, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
        now = utc_now() - CLOCK_MARGIN
        return Request(
            path={"charger": device_id},
            query={
                "start_time": _written(start),
                "end_time": _written(max(start, min(end, now))),
                "measurands[]": _MEASURANDS,
                "meter_ids[]": _METERS,
            },
        )

    def first_known_data(self, state: KnownState) -> Mapping[str, date]:
        """Return the day of the oldest session or reading of each charger."""
        rows = state.rows(read_sql("ev_chargers_known"))
        return {row["charger_uuid"]: local_day(row["oldest_at"], state.zone) for row in rows}

    def rows_by_day(
        self, bodies: Sequence[bytes], first: date, last: date, zone: str
    ) -> list[int] | None:
        """Count the data points of each day; one without a readable time counts for the first."""
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        starts = [_midnight(day, zone) for day in [*days, last + timedelta(days=1)]]
        counts = [0] * len(days)
        for body in bodies:
            rows = decode_rows(body, _Stamp)
            times = [parse_time(row.timestamp, zoneless_is_utc=True) for row in rows.values]
            counts[0] += len(rows.rejected) + times.count(None)
            for number in range(len(days)):
                start, end = starts[number], starts[number + 1]
                counts[number] += sum(time is not None and start <= time < end for time in times)
        return counts

    def tables_of_page(
        self, rows: Rows[Any], response: ArchivedResponse
    ) -> Mapping[str, TableRows]:
        """Return a row per measurement."""
        # A point that has no measurement for this reason would leave no trace.
        unreadable = [index for index in rows.misfits if rows.has_misfit(index, "measurements")]
        reject(rows, unreadable, "measurements", response.body)
        times = parse_times(rows, "timestamp", response.body, zoneless_is_utc=True)
        measurements = measurements_of(rows, response.body)
        local = local_columns(times, response.request_zone or "UTC")
        point_columns = {
            "meter_id": pa.array([point.meter_id for point in rows.values], pa.int64()),
            "time": times,
            **local,
            "request_date": local["local_date"],
        }
        points = pa.array(measurements.points, pa.int64())
        columns = {
            "charger_uuid": pa.repeat(pa.scalar(response.device_id), len(points)),
            **{name: values.take(points) for name, values in point_columns.items()},
            **measurements.columns,
            **normalised(measurements, rows.drift),
            "extra_fields": extra_column(rows, measurements),
        }
        positions = [rows.positions[point] for point in measurements.points]
        rows_of_page = TableRows(columns, positions, exploded=True, places=measurements.places)
        return {TABLE.name: rows_of_page}


def _midnight(day: date, zone: str) -> datetime:
    """Return, in UTC, when a day begins in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


DATASET = EvMeterReadings()
