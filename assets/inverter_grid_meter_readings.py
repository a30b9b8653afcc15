"""Inverter grid meter readings: the history of the EM115 or EM340 meters wired to an inverter.

Source: `GET /inverter/{serial}/meter/data` of API version 1.35 (address 1 to 8, first and last
date); an earlier version lacks it. A row names neither its meter, which is the requested one, nor
units; a meter of one phase can send null or 0 for the phases 2 and 3, which is kept as sent.

Grain: inverter, address of the meter, and time. The list of communication devices names the meters;
other addresses are not requested.

Requests: per meter, one for each span of as many days as the owner allows and the API accepts until
the whole history is fetched (three years: 36 of 31 days each, 110 of 10 days); then one per day for
the last days, which can still change. Finding out the API's limit costs up to ten requests, once a
month. Days that are older than the API keeps are found once and asked for again after a week.
Whether a date is a day of the inverter's time zone or of UTC, and whether the last one is included,
is not documented: consecutive spans share a date, the first begins a day before the commissioning,
the newest ends tomorrow, and a day counts as complete once it is over in either reading. Dates are
sent in the query and in the body; the body is left out once it is refused.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from assets.framework import (
    EARLIEST_DATA,
    Cadence,
    Column,
    DayRange,
    Device,
    DeviceKind,
    KnownState,
    Request,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    TimeSpan,
    Wire,
    extra_column,
    extra_fields,
    integer,
    leaf_columns,
    local_columns,
    measurement,
    parse_times,
    provenance_columns,
    read_sql,
    reading_time,
    table_schema,
    text,
)
from givenergy.endpoints.inverter_endpoints import INVERTER_GRID_METER_DATA
from warehouse.archive import ArchivedResponse

_DAY = timedelta(days=1)
# A day is over everywhere 36 hours after it begins in UTC, and can get late readings for a day.
_FINAL_AFTER = timedelta(hours=36) + _DAY

_PHASES = ("1", "2", "3")
_PHASES_AND_TOTAL = (*_PHASES, "total")
# What LN is, is not documented; probably the neutral.
_PLACES = {"1": "phase 1", "2": "phase 2", "3": "phase 3", "total": "all phases", "ln": "LN"}
_POWER = (-2_000_000.0, 2_000_000.0)
_ENERGIES = (
    ("import_active_energy", "Imported", "kWh", "Counter of imported active energy."),
    ("export_active_energy", "Exported", "kWh", "Counter of exported active energy."),
    ("import_reactive_energy", "Imported, reactive", "kvarh", "Counter of imported energy."),
    ("export_reactive_energy", "Exported, reactive", "kvarh", "Counter of exported energy."),
    ("active_energy_net", "Net", "kWh", "Net active energy, as counted by the meter."),
    ("active_energy_total", "Total", "kWh", "Total active energy, as counted by the meter."),
)


def _by_place(
    leaf: str, title: str, unit: str, places: Collection[str], limits: tuple[float, float]
) -> dict[str, Column]:
    """Return the columns of a quantity at several places, which are parts of their names."""
    suffix = f"_{unit.lower()}" if unit else ""
    about = f" {_assumed(unit)}" if unit else ""
    return {
        f"{leaf}_{place}{suffix}": measurement(
            f"{title}, {_PLACES[place]}{f' ({unit})' if unit else ''}",
            f"{title} of {_PLACES[place]}.{about}",
            f"{leaf}_{place}",
            *limits,
        )
        for place in places
    }


def _assumed(unit: str) -> str:
    return f"The unit is not printed, {unit} is assumed."


_VALUES = {
    **_by_place("voltage", "Voltage", "V", _PHASES, (-10.0, 10_000.0)),
    **_by_place("current", "Current", "A", (*_PHASES, "ln", "total"), (-5_000.0, 5_000.0)),
    **_by_place("active_power", "Active power", "W", _PHASES_AND_TOTAL, _POWER),
    **_by_place("reactive_power", "Reactive power", "var", _PHASES_AND_TOTAL, _POWER),
    **_by_place("apparent_power", "Apparent power", "VA", _PHASES_AND_TOTAL, _POWER),
    **_by_place("power_factor", "Power factor", "", _PHASES_AND_TOTAL, (-100.0, 100.0)),
    "frequency_hz": measurement(
        "Frequency (Hz)", f"Frequency at the meter. {_assumed('Hz')}", "frequency", 0.0, 1_000.0
    ),
    **{
        f"{leaf}_{unit.lower()}": measurement(
            f"{title} ({unit})", f"{description} {_assumed(unit)}", leaf, -1e8, 1e8
        )
        for leaf, title, unit, description in _ENERGIES
    },
}

TABLE = Table(
    name="inverter_grid_meter_readings",
    description="Every reading of the meters that are wired to an inverter, by phase. Phases that a"
    " meter lacks are null or 0, as sent.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "address": integer(
                "Address",
                "Address of the meter on the inverter's bus, as requested.",
                nullable=False,
            ),
            **reading_time(),
            **_VALUES,
            **extra_fields(),
            **provenance_columns(),
        }
    ),
    key=("inverter_serial", "address", "time"),
    time_column="time",
    device_column="inverter_serial",
)

_GridMeterReading = msgspec.defstruct(
    "_GridMeterReading",
    [
        ("time", str | None, None),
        *((str(column.source), float | None, None) for column in _VALUES.values()),
    ],
    bases=(Wire,),
)


class InverterGridMeterReadings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_grid_meter_readings"
    version = 2
    endpoint = INVERTER_GRID_METER_DATA
    group = "inverters"
    row_type = _GridMeterReading
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.DAILY
    optional = True
    takes_ranges = True
    sample_params = (("address", 1),)

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each meter for the days that are missing, newest first."""
        first_days = {d.device_id: _first_day(d) for d in state.devices_of(DeviceKind.INVERTER)}
        covered = {} if state.refetch else _covered(state)
        today = max(state.now.date(), state.now.astimezone(ZoneInfo(state.zone)).date())
        for row in state.rows(read_sql("grid_meters_known")):
            serial, address = row["inverter_serial"], row["address"]
            if serial not in first_days:
                continue
            history = DayRange(serial, first_days[serial], today)
            for days in missing(history, covered.get((serial, address), ()), state.range_days):
                yield _request(address, days)

    def requested_time(self, response: ArchivedResponse) -> TimeSpan:
        """Return the time of the requested dates, with a margin."""
        dates = _dates(msgspec.json.decode(response.params))
        return super().requested_time(response) if dates is None else TimeSpan.of_days(*dates)

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response; its rows are of the requested meter."""
        times = parse_times(rows, "time", response.body)
        count = len(rows.values)
        address = msgspec.json.decode(response.params).get("address")
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), count),
            "address": pa.repeat(pa.scalar(address, pa.int64()), count),
            "time": times,
            **local_columns(times, response.request_zone or "UTC"),
            **leaf_columns(TABLE.schema, rows.values, skip=("time",)),
            "extra_fields": extra_column(rows),
        }


def _request(address: int, days: DayRange) -> Request:
    """Return the request for days of a meter."""
    parameters: dict[str, Any] = {
        "address": address,
        "start_time": days.first.isoformat(),
        "end_time": (days.last + _DAY).isoformat(),
    }
    return Request(
        path={"inverter": days.device_id},
        query=parameters,
        body=parameters,
        is_body_optional=True,
        device_id=days.device_id,
        label=f"meter {address} {parameters['start_time']} {parameters['end_time']}",
        part=f"meter {address}",
        span=days,
        for_span=partial(_request, address),
    )


def missing(history: DayRange, covered: Collection[date], longest: int) -> Iterator[DayRange]:
    """Group days that are not covered into ranges that are not too long, newest first.

    Args:
        history: All days of a device.
        covered: Those that are not to be requested.
        longest: Number of days in the longest range.
    """
    held: DayRange | None = None
    for day in reversed(history.days):
        if day in covered:
            continue
        if held is not None and held.first - _DAY == day and len(held) < longest:
            held = DayRange(held.device_id, day, held.last)
            continue
        if held is not None:
            yield held
        held = DayRange(history.device_id, day, day)
    if held is not None:
        yield held


def _first_day(device: Device) -> date:
    """Return the day before which a meter can have no reading."""
    if device.commissioned_at is None:
        return EARLIEST_DATA.date()
    return (device.commissioned_at - _DAY).date()


def _dates(params: Mapping[str, Any]) -> tuple[date, date] | None:
    """Return the dates of a request; of one before version 2 of the dataset, of its times."""
    names = ("start_time", "end_time")
    if not params.keys() >= set(names):
        return None
    start, end = (date.fromisoformat(str(params[name])[:10]) for name in names)
    return start, end


def _covered(state: KnownState) -> dict[tuple[str, int], set[date]]:
    """Return, by meter, the days that are complete and final; the last date may be excluded."""
    covered: dict[tuple[str, int], set[date]] = {}
    for answer in state.latest_responses(InverterGridMeterReadings.name):
        dates = _dates(answer.params)
        # Version 1 requested times, which the API is not documented to take.
        if dates is None or not answer.complete or "T" in str(answer.params["start_time"]):
            continue
        days = DayRange(answer.device_id, dates[0], dates[1] - _DAY).days
        meter = covered.setdefault((answer.device_id, int(answer.params["address"])), set())
        meter.update(
            day for day in days if answer.at - datetime.combine(day, time(), UTC) > _FINAL_AFTER
        )
    return covered


DATASET = InverterGridMeterReadings()
