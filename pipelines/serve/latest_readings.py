"""The latest readings of an inverter: as they were fetched, or from a newer data point.

`docs/serving.md` has the leaves of a point that become those of the answers. What a point lacks is
null, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipelines.serve.missing_log import MissingLog
from pipelines.serve.open_archive import OpenArchive
from pipelines.serve.row_history import rows_of
from pipelines.serve.served_lists import POINTS, microseconds
from pipelines.serve.served_page import data_of
from pipelines.serve.served_request import RefusedError, ServedRequest, in_utc

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_GRID = ("voltage", "current", "power", "frequency")
_BATTERY = ("percent", "power", "temperature")
_INVERTER = ("temperature", "power", "output_voltage", "output_frequency")
_METER = ("time", "today", "total", "is_metered")
_Made = Callable[[Mapping[str, Any]], dict[str, Any]]


class _Timed(msgspec.Struct):
    time: str | None = None


class _Latest(msgspec.Struct):
    data: _Timed


def system_data(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with the latest powers of an inverter."""
    return _latest(archive, request, log, _system_data)


def meter_readings(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with the latest counters of an inverter."""
    return _latest(archive, request, log, _meter_data)


def _latest(archive: OpenArchive, request: ServedRequest, log: MissingLog, made: _Made) -> bytes:
    pages = archive.newest_pages(request.path)
    body = pages[0].body if pages else None
    point = _newer_point(archive, request.device, _time_of(body))
    if point is not None:
        return data_of(made(point))
    if body is None:
        log.note(request.path, "", "")
        raise RefusedError(404, f"The archive has no reading of {request.device}.")
    return body


def _time_of(body: bytes | None) -> datetime:
    """Return the time of a reading; one without is older than any point."""
    try:
        text = None if body is None else msgspec.json.decode(body, type=_Latest).data.time
        return _EARLIEST if text is None else in_utc(text)
    except (msgspec.DecodeError, ValueError):
        return _EARLIEST


def _newer_point(archive: OpenArchive, device_id: str, after: datetime) -> dict[str, Any] | None:
    """Return the newest data point if it was taken after a moment; of several the last sent."""
    newest = archive.rows("newest_point", device=device_id, after=after)
    if not newest:
        return None
    time_us, number = microseconds(newest[0]["time"]), newest[0]["response_id"]
    bodies = archive.bodies(POINTS.dataset, device_id, [number])
    sent = (POINTS.sent_row(row) for row in rows_of(bodies.get(number)))
    points = [row.json for row in sent if row.time_us == time_us]
    return msgspec.json.decode(points[-1], type=dict[str, Any]) if points else None


def _system_data(point: Mapping[str, Any]) -> dict[str, Any]:
    power = _part(point, "power")
    status = point.get("status")
    return {
        "time": point.get("time"),
        "status": status.capitalize() if isinstance(status, str) else status,
        "solar": {"power": None, "arrays": [], **_part(power, "solar")},
        "grid": {**dict.fromkeys(_GRID), **_part(power, "grid")},
        "battery": {name: _part(power, "battery").get(name) for name in _BATTERY},
        "inverter": {**dict.fromkeys(_INVERTER), **_part(power, "inverter")},
        "consumption": _part(power, "consumption").get("power"),
    }


def _meter_data(point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: point.get(name) for name in _METER}


def _part(above: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = above.get(name)
    return part if isinstance(part, dict) else {}
