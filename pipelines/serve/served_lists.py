"""The lists that the served API puts together from many responses, and how their rows are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pipelines.serve.row_history import Key, RowHistory
from pipelines.serve.served_request import in_utc

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Row(msgspec.Struct):
    """What rows of all kinds are told apart by."""

    time: str | None = None
    timestamp: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    started_at: str | None = None
    event: str | None = None
    meter_id: Any = None


_DECODER = msgspec.json.Decoder(_Row)


def microseconds(moment: datetime) -> int:
    """Return a moment, or a local time, in microseconds since 1970."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def _us(text: str | None) -> int:
    if text is None:
        raise ValueError("A row without its time.")
    return microseconds(in_utc(text))


def _by_time(row: bytes) -> tuple[int, Key]:
    time_us = _us(_DECODER.decode(row).time)
    return time_us, (time_us,)


def _by_start(row: bytes) -> tuple[int, Key]:
    start_us = _us(_DECODER.decode(row).start_time)
    return start_us, (start_us,)


def _by_period(row: bytes) -> tuple[int, Key]:
    sent = _DECODER.decode(row)
    start_us = _us(sent.start_time)
    return start_us, (start_us, _us(sent.end_time))


def _by_event(row: bytes) -> tuple[int, Key]:
    sent = _DECODER.decode(row)
    start_us = _us(sent.start_time)
    return start_us, (start_us, sent.event)


def _by_session(row: bytes) -> tuple[int, Key]:
    start_us = _us(_DECODER.decode(row).started_at)
    return start_us, (start_us,)


def _by_meter(row: bytes) -> tuple[int, Key]:
    sent = _DECODER.decode(row)
    time_us = _us(sent.timestamp)
    return time_us, (time_us, sent.meter_id)


POINTS = RowHistory(
    dataset="inverter_data_points",
    table="inverter_data_points",
    device="inverter_serial",
    time="request_date",
    key="epoch_us(time)",
    read=_by_time,
)
FLOWS = RowHistory(
    dataset="energy_flows",
    table="energy_flows",
    device="inverter_serial",
    time="start_local",
    key="epoch_us(start_local)",
    read=_by_start,
    is_local=True,
)
FLOW_PERIODS = RowHistory(
    dataset="energy_flow_aggregates",
    table="energy_flow_aggregates",
    device="inverter_serial",
    time="start_local",
    key="epoch_us(start_local), epoch_us(end_local)",
    read=_by_period,
)
EVENTS = RowHistory(
    dataset="inverter_events",
    table="inverter_events",
    device="inverter_serial",
    time="started_at",
    key="epoch_us(started_at), event",
    read=_by_event,
    newest_first=True,
)
METER_DATA = RowHistory(
    dataset="ev_meter_readings",
    table="ev_meter_readings",
    device="charger_uuid",
    time="time",
    key="epoch_us(time), meter_id",
    read=_by_meter,
)
SESSIONS = RowHistory(
    dataset="ev_charging_sessions",
    table="ev_charging_sessions",
    device="charger_uuid",
    time="started_at",
    key="epoch_us(started_at)",
    read=_by_session,
    newest_first=True,
)
GRID_METER = RowHistory(
    dataset="inverter_grid_meter_readings",
    table="inverter_grid_meter_readings",
    device="inverter_serial",
    time="time",
    key="epoch_us(time)",
    read=_by_time,
)
SMART_READINGS = RowHistory(
    dataset="smart_device_readings",
    table="smart_device_readings",
    device="device_uuid",
    time="time",
    key="epoch_us(time)",
    read=_by_time,
    newest_first=True,
)
