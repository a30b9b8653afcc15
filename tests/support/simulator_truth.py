"""Expected rows of data points, computed from the simulator's rows without the decoder."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from simulator import Simulator

LONDON = ZoneInfo("Europe/London")
LEAVES = {
    "status": "status",
    "solar_power_w": "power.solar.power",
    "grid_voltage_v": "power.grid.voltage",
    "grid_current_a": "power.grid.current",
    "grid_power_w": "power.grid.power",
    "grid_frequency_hz": "power.grid.frequency",
    "battery_percent": "power.battery.percent",
    "battery_power_w": "power.battery.power",
    "battery_temperature_celsius": "power.battery.temperature",
    "battery_voltage_v": "power.battery.voltage",
    "consumption_power_w": "power.consumption.power",
    "inverter_temperature_celsius": "power.inverter.temperature",
    "inverter_power_w": "power.inverter.power",
    "inverter_output_voltage_v": "power.inverter.output_voltage",
    "inverter_output_frequency_hz": "power.inverter.output_frequency",
    "inverter_eps_power_w": "power.inverter.eps_power",
    "today_solar_kwh": "today.solar",
    "today_grid_import_kwh": "today.grid.import",
    "today_grid_export_kwh": "today.grid.export",
    "today_battery_charge_kwh": "today.battery.charge",
    "today_battery_discharge_kwh": "today.battery.discharge",
    "today_consumption_kwh": "today.consumption",
    "today_ac_charge_kwh": "today.ac_charge",
    "total_solar_kwh": "total.solar",
    "total_grid_import_kwh": "total.grid.import",
    "total_grid_export_kwh": "total.grid.export",
    "total_battery_charge_kwh": "total.battery.charge",
    "total_battery_discharge_kwh": "total.battery.discharge",
    "total_consumption_kwh": "total.consumption",
    "total_ac_charge_kwh": "total.ac_charge",
    "is_metered": "is_metered",
}


def days_between(first: date, last: date) -> list[date]:
    """Return the days from the first to the last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def days_requested(sim: Simulator) -> list[date]:
    """Return the days whose data points were requested, sorted; a day for each request."""
    paths = [request.path for request in sim.requests if "/data-points/" in request.path]
    return sorted(date.fromisoformat(path.rsplit("/", 1)[1]) for path in paths)


def without_hours(points: list[dict[str, Any]], *hours: int) -> list[dict[str, Any]]:
    """Return the points that are not of the given hours, in UTC."""
    return [point for point in points if int(point["time"][11:13]) not in hours]


def expected_rows(
    sim: Simulator, serials: Iterable[str], days: Iterable[date]
) -> dict[tuple[str, datetime], dict[str, Any]]:
    """Return the expected rows by inverter and time; of two with the same key, the later one."""
    days = list(days)
    return {
        (serial, row["time"]): row
        for serial in serials
        for day in days
        for row in (_row(serial, day, point) for point in sim.truth(serial, day))
    }


def repeated_times(sim: Simulator, serials: Iterable[str], days: Iterable[date]) -> int:
    """Return the number of rows that a later row of the same response replaces."""
    days = list(days)
    sent = sum(len(sim.truth(serial, day)) for serial in serials for day in days)
    return sent - len(expected_rows(sim, serials, days))


def assert_same(
    rows: list[dict[str, Any]], expected: dict[tuple[str, datetime], dict[str, Any]]
) -> None:
    """Compare a table with the expected rows, value by value."""
    keys = [(row["inverter_serial"], row["time"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert set(keys) == set(expected)
    for key, row in zip(keys, rows, strict=True):
        wanted = expected[key]
        assert row.keys() == wanted.keys()
        # 613 and 613.0 are equal.
        differing = {n: (row[n], wanted[n]) for n in row if row[n] != wanted[n]}
        assert not differing, (key, differing)


def _row(serial: str, day: date, point: dict[str, Any]) -> dict[str, Any]:
    time = datetime.strptime(point["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    local = time.astimezone(LONDON)
    return {
        "inverter_serial": serial,
        "time": time,
        "local_time": local.replace(tzinfo=None),
        "local_date": local.date(),
        "request_date": day,
        **{name: _leaf(point, path) for name, path in LEAVES.items()},
        "status_name": point["status"].upper(),
        "pv_arrays": [
            {
                "array": array["array"],
                "voltage_v": array["voltage"],
                "current_a": array["current"],
                "power_w": array["power"],
            }
            for array in point["power"]["solar"]["arrays"]
        ],
        "extra_fields": None,
    }


def _leaf(point: Any, path: str) -> Any:
    for name in path.split("."):
        point = point.get(name) if isinstance(point, dict) else None
    return point
