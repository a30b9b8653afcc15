"""Rows of the API's energy flows that are made by hand, and the half hours of local days."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from simulator import Simulator

FLOWS = (
    "pv_to_home", "pv_to_battery", "pv_to_grid", "grid_to_home", "grid_to_battery",
    "battery_to_home", "battery_to_grid",
)  # fmt: skip
LONDON = ZoneInfo("Europe/London")
HALF_HOUR = timedelta(minutes=30)


def midnight(day: date) -> datetime:
    """Return the first instant of a local day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)


def half_hours(day: date) -> list[datetime]:
    """Return the starts of the half hours of a local day, in UTC."""
    start, end = midnight(day), midnight(day + timedelta(days=1))
    return [start + HALF_HOUR * number for number in range((end - start) // HALF_HOUR)]


def flow_rows(day: date, flows: Callable[[datetime], Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return the rows of a day; `flows` gives kWh by the names of `FLOWS` for a start in UTC."""
    rows = []
    for start in half_hours(day):
        kwh = flows(start)
        rows.append(
            {
                "start_time": _label(start),
                "end_time": _label(start + HALF_HOUR),
                "data": {str(code): kwh.get(name, 0) for code, name in enumerate(FLOWS)},
            }
        )
    return rows


def sent_half_hours(sim: Simulator, serial: str, day: date) -> dict[datetime, dict[str, float]]:
    """Return what the API sends as flows of a whole local day, by start in UTC."""
    label = str(day)
    rows = sim.truth_of(
        "energy-flows", serial, start_time=label, end_time=f"{label} 23:30", grouping=0
    )
    starts = half_hours(day)
    assert [row["start_time"] for row in rows] == [_label(start) for start in starts]
    return {
        start: {name: row["data"][str(code)] for code, name in enumerate(FLOWS)}
        for start, row in zip(starts, rows, strict=True)
    }


def _label(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%Y-%m-%d %H:%M}"
