"""The answers of the served API to lists of rows: days, flows, events, sessions, readings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from pipelines.serve.missing_log import MissingLog
from pipelines.serve.open_archive import OpenArchive
from pipelines.serve.row_history import (
    DaySpan,
    MergedRows,
    SentRow,
    merged_rows,
    rows_of,
    united,
)
from pipelines.serve.served_lists import (
    EVENTS,
    FLOW_PERIODS,
    FLOWS,
    GRID_METER,
    METER_DATA,
    POINTS,
    SESSIONS,
    SMART_READINGS,
    microseconds,
)
from pipelines.serve.served_page import keyed, list_of, page_of, page_with
from pipelines.serve.served_request import RefusedError, ServedRequest

_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
# A month of readings per minute of a charger's four meters is some 100 MB.
_MOST_METER_DAYS = 31
_HALF_HOURS, _TOTAL = 0, 4
_FLOW_TYPES = frozenset(range(7))
# The part of a label that says its period, and what completes it, by grouping.
_PERIODS = {1: (10, " 00:00"), 2: (7, "-01 00:00"), 3: (4, "-01-01 00:00")}


class _Ended(msgspec.Struct):
    end_time: str | None = None


class _Data(msgspec.Struct):
    data: msgspec.Raw


def data_points(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with the points of a day."""
    day = request.day("date")
    merged = merged_rows(archive, POINTS, request.device, day, day, days=DaySpan(day, day))
    log.note_days(POINTS.dataset, request.device, DaySpan(day, day), merged.covered, archive.zone)
    return page_of([row.json for row in merged.rows], request)


def energy_flows(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with the flows of a range: half hours, or what the API summed up itself."""
    first, last = request.label("start_time"), request.label("end_time")
    if last < first:
        raise _end_before_start("end_time")
    grouping = request.code("grouping")
    types = request.numbers("types") or _FLOW_TYPES
    if grouping not in range(5) or not types <= _FLOW_TYPES:
        name = "types" if grouping in range(5) else "grouping"
        raise RefusedError.invalid(**{name: f"The selected {name} is invalid."})
    if grouping == _HALF_HOURS:
        merged = _half_hours(archive, request.device, first, last, log)
    else:
        merged = _periods(archive, request.device, first, last, grouping)
    rows = [_with_types(row.json, types) for row in merged.rows]
    return list_of(rows) if _is_array(merged.body) else keyed(rows)


def _half_hours(
    archive: OpenArchive, device_id: str, first: str, last: str, log: MissingLog
) -> MergedRows:
    days = DaySpan(date.fromisoformat(first[:10]), date.fromisoformat(last[:10]))
    begin, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    merged = merged_rows(archive, FLOWS, device_id, begin, end, days=days)
    asked = days if last[11:] != "00:00" else DaySpan(days.first, _before(days))
    log.note_days(FLOWS.dataset, device_id, asked, merged.covered, archive.zone)
    return merged._replace(rows=_between(merged.rows, begin, end))


def _before(days: DaySpan) -> date:
    """Return the last day of a span that ends with the start of its last one."""
    return max(days.first, days.last - timedelta(days=1))


def _periods(
    archive: OpenArchive, device_id: str, first: str, last: str, grouping: int
) -> MergedRows:
    length, rest = _PERIODS.get(grouping, (16, ""))
    begin = datetime.fromisoformat(first[:length] + rest)
    end = datetime.fromisoformat(last)
    is_total = grouping == _TOTAL
    merged = merged_rows(
        archive,
        FLOW_PERIODS,
        device_id,
        _EARLIEST.replace(tzinfo=None) if is_total else begin,
        end,
        more="grouping = $grouping",
        grouping=grouping,
    )
    rows = [
        row
        for row in merged.rows
        if row.time_us is not None
        and (is_total or microseconds(begin) <= row.time_us <= microseconds(end))
    ]
    return merged._replace(rows=_newest_total(rows, begin, end) if is_total else rows)


def _newest_total(rows: Sequence[SentRow], begin: datetime, end: datetime) -> list[SentRow]:
    """Return the total of the range; of another range the one that ends last before its end."""
    exact = [row for row in rows if row.key == (microseconds(begin), microseconds(end))]
    earlier = [row for row in rows if row.key[1] <= microseconds(end)]
    return exact or sorted(earlier, key=lambda row: row.key[1])[-1:]


def _with_types(row: bytes, types: Iterable[int]) -> bytes:
    if frozenset(types) == _FLOW_TYPES:
        return row
    codes = {str(code) for code in types}
    content = msgspec.json.decode(row)
    content["data"] = {code: kwh for code, kwh in content["data"].items() if code in codes}
    return msgspec.json.encode(content)


def _is_array(body: bytes | None) -> bool:
    """Return whether the flows came as an array and not as an object keyed by number."""
    return body is not None and bytes(msgspec.json.decode(body, type=_Data).data)[:1] == b"["


def events(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with the events that began in a range; `cleared` adds those that have ended."""
    first, last = request.moment("start", _EARLIEST), request.moment("end", _LATEST)
    if last < first:
        raise _end_before_start("end")
    cleared = request.is_set("cleared")
    merged = merged_rows(archive, EVENTS, request.device, first, last)
    rows = [row.json for row in _between(merged.rows, first, last)]
    if not cleared:
        rows = [row for row in rows if msgspec.json.decode(row, type=_Ended).end_time is None]
    return page_of(rows, request)


def meter_data(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with the readings of a charger's meters in a range."""
    first, last = request.moment("start_time"), request.moment("end_time")
    if last < first:
        raise _end_before_start("end_time")
    if last - first > timedelta(days=_MOST_METER_DAYS):
        most = f"The end time must be within {_MOST_METER_DAYS} days of start time."
        raise RefusedError.invalid(end_time=most)
    zone = ZoneInfo(archive.zone)
    # Both bounds are included, so that the end of a day is the start of the next one.
    end = max(first, last - timedelta(microseconds=1))
    days = DaySpan(first.astimezone(zone).date(), end.astimezone(zone).date())
    merged = merged_rows(archive, METER_DATA, request.device, first, last, days=days)
    log.note_days(METER_DATA.dataset, request.device, days, merged.covered, archive.zone)
    rows = [row.json for row in _between(merged.rows, first, last)]
    meters, measurands = request.numbers("meter_ids"), request.numbers("measurands")
    selected = (_selected(row, meters, measurands) for row in rows)
    return page_of([row for row in selected if row is not None], request)


def _selected(
    row: bytes, meters: frozenset[int] | None, measurands: frozenset[int] | None
) -> bytes | None:
    """Return a reading with the measurands asked for; None without any, or of another meter."""
    if meters is None and measurands is None:
        return row
    content = msgspec.json.decode(row)
    if meters is not None and content.get("meter_id") not in meters:
        return None
    sent = content.get("measurements")
    if measurands is None or not isinstance(sent, list) or not sent:
        return row
    kept = [each for each in sent if each.get("measurand") in measurands]
    if len(kept) == len(sent):
        return row
    return msgspec.json.encode({**content, "measurements": kept}) if kept else None


def charging_sessions(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with the sessions that began in a range."""
    first = request.moment("start_time", _EARLIEST)
    last = request.moment("end_time", _LATEST)
    if last < first:
        raise _end_before_start("end_time")
    merged = merged_rows(archive, SESSIONS, request.device, first, last)
    return page_of([row.json for row in _between(merged.rows, first, last)], request)


def grid_meter(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with the readings of a meter of an inverter, from a first to a last day of UTC."""
    address = request.positive("address")
    days = [date.fromisoformat(request.label(name)[:10]) for name in ("start_time", "end_time")]
    first = datetime.combine(days[0], time.min, UTC)
    last = datetime.combine(days[1], time.max, UTC)
    if last < first:
        raise _end_before_start("end_time")
    merged = merged_rows(
        archive,
        GRID_METER,
        request.device,
        first,
        last,
        more="address = $address",
        address=address,
    )
    return list_of([row.json for row in _between(merged.rows, first, last)])


def smart_readings(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with a page of the readings of a smart device, of which alone responses are read."""
    names = SMART_READINGS.names
    size = request.page_size
    (counted,) = archive.rows("row_count", names, device=request.device)
    shown = archive.rows(
        "newest_rows",
        names,
        device=request.device,
        size=size,
        skipped=(request.page - 1) * size,
    )
    bodies = archive.bodies(
        SMART_READINGS.dataset, request.device, sorted({row["response_id"] for row in shown})
    )
    by_key = {}
    for number, body in sorted(bodies.items()):
        for row in united(SMART_READINGS, [(number, rows_of(body))]):
            by_key[row.key] = row.json
    rows = [by_key[key] for row in shown if (key := (microseconds(row["time"]),)) in by_key]
    return page_with(rows, int(next(iter(counted.values()))), request)


def _between(rows: Iterable[SentRow], first: datetime, last: datetime) -> list[SentRow]:
    begin, end = microseconds(first), microseconds(last)
    return [row for row in rows if row.time_us is not None and begin <= row.time_us <= end]


def _end_before_start(name: str) -> RefusedError:
    return RefusedError.invalid(
        **{name: f"The {name.replace('_', ' ')} must be a date after or equal to the start."}
    )
