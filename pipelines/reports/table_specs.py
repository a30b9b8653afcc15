"""Which tables a report has in plain HTML: the chart of each, its columns and their titles.

A column that a chart does not have, or of which nothing is known, is left out.
"""

from typing import NamedTuple


class Column(NamedTuple):
    """A column: its name in the chart, without unit, its title and the kind of its values."""

    key: str
    title: str
    kind: str


class TableSpec(NamedTuple):
    """A table of a chart's rows.

    Attributes:
        chart: The chart.
        title: What the table shows.
        columns: Its columns.
        is_event: Whether a table without rows says that there was nothing.
        nothing: How it says so.
    """

    chart: str
    title: str
    columns: tuple[Column, ...]
    is_event: bool = False
    nothing: str = "None."


_BUCKET = Column("bucket_start", "", "bucket")
_DAYS = Column("days", "whole", "days")
# The rows of the first table: name in the chart `totals`, title, kind, days that count.
KEY_FIGURES = (
    ("solar", "Solar, kWh", "kwh", "days"),
    ("home", "Home, kWh", "kwh", "home_days"),
    ("import", "Import, kWh", "kwh", "days"),
    ("export", "Export, kWh", "kwh", "days"),
    ("charge", "Into the battery, kWh", "kwh", "days"),
    ("discharge", "Out of the battery, kWh", "kwh", "days"),
    ("self_sufficiency", "Self-sufficiency", "share", "flow_days"),
    ("self_consumption", "Self-consumption", "share", "flow_days"),
    ("net_cost", "Net cost", "money", "cost_days"),
    ("import_cost", "Paid for import", "money", "cost_days"),
    ("export_income", "Earned by export", "money", "cost_days"),
    ("standing_charge", "Standing charge", "money", "cost_days"),
    ("saved", "Saved by solar and battery", "money", "cost_days"),
)
TABLES = (
    TableSpec(
        "energy",
        "Energy, kWh",
        (
            _BUCKET,
            Column("solar", "solar", "kwh"),
            Column("home", "home", "kwh"),
            Column("import", "import", "kwh"),
            Column("export", "export", "kwh"),
            Column("charge", "into battery", "kwh"),
            Column("discharge", "out of battery", "kwh"),
            Column("deviation", "deviation", "kwh"),
            _DAYS,
        ),
    ),
    TableSpec(
        "cost",
        "Cost",
        (
            _BUCKET,
            Column("import_cost", "import", "money"),
            Column("export_income", "export", "money"),
            Column("standing_charge", "standing charge", "money"),
            Column("net_cost", "net cost", "money"),
            Column("saved", "saved", "money"),
            Column("battery_saved", "of it by the battery", "money"),
            Column("tariff", "tariff", "text"),
            Column("tariffs", "tariffs", "text"),
            _DAYS,
        ),
    ),
    TableSpec(
        "what_if",
        "What it would have cost on each tariff, had nothing else changed",
        (
            Column("tariff", "tariff", "text"),
            Column("is_in_force", "in force", "yes"),
            Column("import_cost", "import", "money"),
            Column("export_income", "export", "money"),
            Column("standing_charge", "standing charge", "money"),
            Column("net_cost", "net cost", "money"),
            Column("half_hours_known", "half hours known", "count"),
            Column("half_hours", "of", "count"),
        ),
    ),
    TableSpec(
        "battery",
        "Battery",
        (
            _BUCKET,
            Column("inverter_serial", "inverter", "text"),
            Column("charge", "in, kWh", "kwh"),
            Column("discharge", "out, kWh", "kwh"),
            Column("cycles", "cycles", "kwh"),
            Column("min_percent", "lowest", "percent"),
            Column("max_percent", "highest", "percent"),
            Column("hours_full", "hours full", "number"),
            Column("hours_empty", "hours empty", "number"),
            Column("hours_known", "hours known", "number"),
            _DAYS,
        ),
    ),
    TableSpec(
        "battery_health",
        "Battery: usable capacity and efficiency",
        (
            Column("month", "month", "month"),
            Column("inverter_serial", "inverter", "text"),
            Column("usable_kwh", "usable, kWh", "kwh"),
            Column("usable_low_kwh", "at least, kWh", "kwh"),
            Column("usable_high_kwh", "at most, kWh", "kwh"),
            Column("runs", "discharges measured", "count"),
            Column("bms_kwh", "battery's own figure, kWh", "kwh"),
            Column("round_trip", "round trip", "share"),
        ),
    ),
    TableSpec(
        "car",
        "Car",
        (
            _BUCKET,
            Column("sessions", "sessions", "count"),
            Column("energy_kwh", "energy, kWh", "kwh"),
            Column("solar_kwh", "solar, kWh", "kwh"),
            Column("battery_kwh", "battery, kWh", "kwh"),
            Column("grid_kwh", "grid, kWh", "kwh"),
            Column("unknown_kwh", "not known, kWh", "kwh"),
            Column("cost", "cost", "money"),
        ),
    ),
    TableSpec(
        "car_sessions",
        "Charging sessions",
        (
            Column("started_at", "started", "time"),
            Column("charger", "charger", "text"),
            Column("duration_s", "duration", "duration"),
            Column("energy_kwh", "energy, kWh", "kwh"),
            Column("solar_kwh", "solar, kWh", "kwh"),
            Column("battery_kwh", "battery, kWh", "kwh"),
            Column("grid_kwh", "grid, kWh", "kwh"),
            Column("cost", "cost", "money"),
            Column("is_complete", "sources known", "yes"),
        ),
    ),
    TableSpec(
        "typical_day",
        "Typical day, W",
        (
            Column("half_hour", "from", "text"),
            Column("home_mean_w", "home", "watts"),
            Column("home_p10_w", "home, lowest tenth of days below", "watts"),
            Column("home_p90_w", "home, highest tenth of days above", "watts"),
            Column("solar_mean_w", "solar", "watts"),
            Column("import_mean_w", "import", "watts"),
            Column("export_mean_w", "export", "watts"),
            Column("days", "days", "count"),
        ),
    ),
    TableSpec(
        "missing",
        "Missing, or not whole",
        (
            Column("dataset", "dataset", "dataset"),
            Column("device", "device", "text"),
            Column("first_date", "from", "day"),
            Column("last_date", "to", "day"),
            Column("days", "days", "count"),
            Column("state", "state", "state"),
            Column("reason", "reason", "long"),
        ),
        is_event=True,
        nothing="No day is missing that was expected.",
    ),
    TableSpec(
        "gaps",
        "Gaps in the readings",
        (
            Column("inverter_serial", "inverter", "text"),
            Column("last_point_at", "last reading", "time"),
            Column("next_point_at", "next reading", "time"),
            Column("duration_s", "duration", "duration"),
            Column("cause", "cause", "cause"),
        ),
        is_event=True,
    ),
    TableSpec(
        "events",
        "Events of the inverters",
        (
            Column("started_at", "started", "time"),
            Column("inverter_serial", "inverter", "text"),
            Column("event", "event", "long"),
            Column("duration_s", "duration", "duration"),
            Column("is_open", "still open", "yes"),
        ),
        is_event=True,
    ),
)
