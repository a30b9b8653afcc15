"""The requests of Work A and how their answers are read, for every peer alike.

Only the standard library: peers import this in environments of their own. A file of JSON says what
to fetch: `url`, `token`, `first`, `last`, `commissioned`, `today`, `serials`, `chargers`,
`measurands`, `meters`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

POINTS, FLOWS, EVENTS, READINGS = (
    "inverter_data_points",
    "energy_flows",
    "inverter_events",
    "ev_meter_readings",
)
_FLOW_DAYS = 30


@dataclass(frozen=True)
class Task:
    """A request with all its pages.

    Attributes:
        table: Table of its rows.
        device: Serial number, or UUID of a charger.
        day: The day, or the first day of the range.
        path: Path below the API's URL.
        query: Query parameters.
        body: Body of a POST; None for a GET.
    """

    table: str
    device: str
    day: date
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None


def read_work(file: str) -> dict[str, Any]:
    """Return what a file says is to be fetched."""
    work: dict[str, Any] = json.loads(Path(file).read_text())
    return work


def tasks(work: dict[str, Any]) -> Iterator[Task]:
    """Return the requests, without the later pages of those that have several."""
    first, last = date.fromisoformat(work["first"]), date.fromisoformat(work["last"])
    for serial in work["serials"]:
        for day in days(first, last):
            path = f"inverter/{serial}/data-points/{day}"
            yield Task(POINTS, serial, day, path, {"pageSize": 100_000})
        for start in days(first, last)[::_FLOW_DAYS]:
            end = min(start + timedelta(days=_FLOW_DAYS), last + timedelta(days=1))
            body = {"start_time": str(start), "end_time": str(end), "grouping": 0}
            yield Task(FLOWS, serial, start, f"inverter/{serial}/energy-flows", {}, body)
        for cleared in (0, 1):
            query = {"start": work["commissioned"], "end": work["today"], "cleared": cleared}
            path = f"inverter/{serial}/events"
            yield Task(EVENTS, serial, first, path, {**query, "pageSize": 1000})
    for charger in work["chargers"]:
        for day in days(first, last):
            query = {
                "start_time": f"{day}T00:00:00Z",
                "end_time": f"{day + timedelta(days=1)}T00:00:00Z",
                "measurands[]": work["measurands"],
                "meter_ids[]": work["meters"],
                "pageSize": 10_000,
            }
            yield Task(READINGS, charger, day, f"ev-charger/{charger}/meter-data", query)


def days(first: date, last: date) -> list[date]:
    """Return the days from first to last."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def rows_of(task: Task, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an answer's page as dictionaries, with the device."""
    data = answer["data"]
    if task.table == FLOWS:
        return [{"device": task.device, **row} for row in data.values()]
    if task.table == READINGS:
        return [
            {
                "device": task.device,
                "meter_id": row["meter_id"],
                "timestamp": row["timestamp"],
                **measurement,
            }
            for row in data
            for measurement in row["measurements"]
        ]
    return [{"device": task.device, **row} for row in data]


def has_next(answer: dict[str, Any]) -> bool:
    """Return whether a page is followed by another."""
    meta = answer.get("meta") or {}
    return bool(meta.get("current_page", 1) < meta.get("last_page", 1))
