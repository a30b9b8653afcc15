"""Views that compare figures which should agree, gaps between data points, slots of presets.

Each comparison has a row per device, day and compared item, with `deviation_w` or `deviation_kwh`,
and `is_within`: whether rounding, cadence and losses explain the deviation.
`docs/reconciliation.md` explains the tolerances. Known errors of the API are described at the
columns of the tables and are not compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from assets.framework import read_sql
from warehouse import ViewSpec


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A comparison.

    Attributes:
        name: Name of the view and of the check.
        description: One sentence.
        tables: Tables compared, each the main table of the dataset of its name; the check belongs
            to the first.
        finding: What is wrong on a day that it names.
        deviation: Name of the deviation column.
        is_finding: Whether a deviation is an error in the data, of which the owner is told after
            each command that changes them; else the two figures differ by their nature.
    """

    name: str
    description: str
    tables: tuple[str, ...]
    finding: str
    deviation: str = "deviation_kwh"
    is_finding: bool = True

    @property
    def unit(self) -> str:
        """The symbol of the deviation's unit."""
        return {"deviation_w": "W", "deviation_kwh": "kWh"}[self.deviation]


RECONCILIATIONS = (
    Reconciliation(
        "reconcile_power",
        "Consumption equals inverter power less grid power, per data point.",
        ("inverter_data_points",),
        "consumption differs from inverter less grid power",
        "deviation_w",
    ),
    Reconciliation(
        "reconcile_counters",
        "No counter falls, except at the reset at midnight and by 0.1 kWh of consumption.",
        ("inverter_data_points",),
        "a counter fell",
    ),
    Reconciliation(
        "reconcile_counters_power",
        "Daily counters equal integrated power.",
        ("inverter_data_points",),
        "a counter jumped, or differs from the power",
    ),
    Reconciliation(
        "reconcile_counters_flows",
        "Daily counters equal the sums of the half-hourly flows.",
        ("energy_flows", "inverter_data_points"),
        "counters differ from the half-hourly flows",
    ),
    Reconciliation(
        "reconcile_flows",
        "Half-hourly flows of a day add up to the daily value of the API.",
        ("energy_flows", "energy_flow_aggregates"),
        "half-hourly flows differ from the daily value",
    ),
    Reconciliation(
        "reconcile_flows_points",
        "Half-hourly flows equal those derived from data points.",
        ("energy_flows", "inverter_data_points"),
        "half-hourly flows differ from those derived from data points",
        is_finding=False,
    ),
    Reconciliation(
        "reconcile_sessions",
        "The energy of a charging session equals the growth of the charger's register.",
        ("ev_charging_sessions", "ev_meter_readings"),
        "the energy of a session differs from the charger's register",
    ),
    Reconciliation(
        "reconcile_session_values",
        "Meter readings and times of ended charging sessions can be true.",
        ("ev_charging_sessions",),
        "meter readings or times of a session cannot be true",
    ),
)

_COLUMNS = {
    "device_id": "Serial number or UUID of the device.",
    "day": "Local day; of a charging session, the day of its start in UTC.",
    "item": "Compared counter, flow or energy.",
    "compared": "Number of compared points, steps between points, half hours or sessions.",
    "outside": "Number of points that deviate by more than 5 W.",
    "deviation_w": "Largest deviation of a point, W.",
    "deviation_kwh": (
        "Difference of the two figures, kWh; for counters, their largest fall; for the values of a"
        " session, the energy that cannot be true."
    ),
    "deviation_at": "Time of the largest deviation, UTC; for sessions, their start.",
    "counted_kwh": "Growth of the counter, kWh.",
    "integrated_kwh": "Power integrated over time, kWh.",
    "counter_kwh": "Daily counter at its last point, kWh.",
    "flow_kwh": "Sum of the half-hourly flows, kWh.",
    "derived_kwh": "Energy derived from data points, over the same half hours, kWh.",
    "daily_kwh": "Daily value of the API, kWh.",
    "half_hourly_kwh": "Sum of the half hours, kWh.",
    "energy_kwh": "Energy of the session, kWh.",
    "lowest_kwh": "Lower limit of the deviation, or of a session's energy, kWh.",
    "highest_kwh": "Upper limit of the deviation, or of a session's energy, kWh.",
    "energy_source": "How the session's energy was found.",
    "duration_s": "Duration of the session, s; null: its times cannot be true.",
    "is_within": "Whether rounding, cadence and losses explain the deviation.",
}
_SESSION_COLUMNS = {
    "charger_uuid": "UUID of the charger.",
    "started_at": "Start of the session, UTC.",
    "local_date": "Local day of the start.",
    "duration_s": "Duration, s; null: it is open, or its times cannot be true.",
    "energy_kwh": "Energy, kWh; null where it is unknown.",
    "energy_source": (
        "difference: of the session's meter readings; register: growth of the charger's register,"
        " where those cannot be true; none."
    ),
}
_GAP_COLUMNS = {
    "inverter_serial": "Serial number of the inverter.",
    "last_point_at": "Last point before the gap, UTC.",
    "next_point_at": "First point after the gap, UTC.",
    "first_date": "Local day on which the gap begins.",
    "last_date": "Local day on which the gap ends.",
    "duration_s": "Duration of the gap, s.",
    "cause": (
        "not_fetched: a day in the gap is failed, partial, forbidden or gone;"
        " not_sent: the inverter kept counting and its points never reached the API;"
        " device_off: the counters did not grow; unknown: there are no counters."
    ),
    "is_energy_known": "Whether the counters grew over the gap: energy known, curve unknown.",
    "solar_kwh": "Solar energy over the gap.",
    "grid_import_kwh": "Energy imported over the gap.",
    "grid_export_kwh": "Energy exported over the gap.",
    "consumption_kwh": "Energy consumed over the gap.",
}

_SLOT_COLUMNS = {
    "inverter_serial": "Serial number of the inverter.",
    "preset": "Identifier of the preset, such as timed-charge.",
    "preset_name": "Its present name.",
    "is_enabled": "Whether the preset is on.",
    "slot": "Number of the slot, from 1; null: the version has no slots.",
    "start_time": "Begin of the slot, HH:MM of the inverter's time.",
    "end_time": "End of the slot; before its begin if it passes midnight.",
    "percent_limit": "State of charge at which it stops, %.",
    "max_power_w": "Limit of the preset's power, W.",
    "mode": "Mode of pause-battery, as sent.",
    "valid_from": "Time when the version was first seen, UTC; it was set since the poll before.",
    "valid_to": "Time when it was first seen to be no longer set, UTC; null: current.",
}


def reconciliation_views() -> list[ViewSpec]:
    """Return the views of this module: comparisons, gaps, energies of sessions, preset slots."""
    return [view for view, _ in views_with_tables()]


def views_with_tables() -> list[tuple[ViewSpec, Sequence[str]]]:
    """Return the views, each with the names of the tables that it reads."""
    gaps = "More than 30 minutes without a point between two points of an inverter, and why."
    slots = "What each preset of an inverter was set to, one row per version and slot."
    energies = "The energy of each charging session, and how it was found."
    return [
        *(
            (_view(check.name, check.description, _COLUMNS, check.tables), check.tables)
            for check in RECONCILIATIONS
        ),
        (_view("gaps", gaps, _GAP_COLUMNS), ("inverter_data_points",)),
        (
            _view("ev_session_energies", energies, _SESSION_COLUMNS),
            ("ev_charging_sessions", "ev_meter_readings"),
        ),
        (
            _view("inverter_preset_slots", slots, _SLOT_COLUMNS),
            ("inverter_preset_values", "inverter_presets"),
        ),
    ]


def _view(
    name: str, description: str, columns: dict[str, str], datasets: Sequence[str] = ()
) -> ViewSpec:
    """Return a view without days that have archived responses of the datasets not built yet."""
    sql = read_sql(name)
    selected = sql[sql.lower().rindex("\nselect") :]
    schema = pa.schema(
        pa.field(column, pa.null(), metadata={"description": text})
        for column, text in columns.items()
        if column in selected
    )
    if datasets:
        named = ", ".join(f"'{dataset}'" for dataset in datasets)
        sql = read_sql("without_pending_days").format(compared=sql, datasets=named)
    return ViewSpec(name, sql, description, schema)
