"""Views that compare figures which should agree.

Each comparison has a row per device, day and compared item, with `deviation_w` or `deviation_kwh`,
and `is_within`: whether rounding, cadence and losses explain the deviation.
`docs/reconciliation.md` explains the tolerances. Known errors of the API are described at the
columns of the tables and are not compared.
"""

from dataclasses import dataclass

import pyarrow as pa

from assets.framework import read_sql
from assets.framework.contract.column_units import unit_of
from warehouse.interface.view_spec import ViewSpec


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
        views: Views that it reads besides.
        is_finding: Whether a deviation is an error in the data, of which the owner is told after
            each command that changes them; else the two figures differ by their nature.
    """

    name: str
    description: str
    tables: tuple[str, ...]
    finding: str
    deviation: str = "deviation_kwh"
    views: tuple[str, ...] = ()
    is_finding: bool = True

    @property
    def unit(self) -> str:
        """The symbol of the deviation's unit."""
        return unit_of(self.deviation)

    @property
    def reads(self) -> tuple[str, ...]:
        """Everything that its view reads, itself or through other views."""
        return (*self.tables, *self.views, "pending_responses")


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
        views=("half_hourly_balance_from_points",),
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

_KEY = ("device_id", "day", "item")
# Of the columns that are no quantity.
_TYPES = {
    "device_id": pa.string(),
    "day": pa.date32(),
    "item": pa.string(),
    "compared": pa.int64(),
    "outside": pa.int64(),
    "deviation_at": pa.timestamp("us", "UTC"),
    "energy_source": pa.string(),
    "is_within": pa.bool_(),
}
# In the order of the SELECTs.
_COLUMNS = {
    "device_id": "Serial number or UUID of the device.",
    "day": "Local day; of a charging session, the day of its start in UTC.",
    "item": "Compared counter, flow or energy.",
    "compared": "Number of compared points, steps between points, half hours or sessions.",
    "outside": "Number of points that deviate by more than 5 W.",
    "counted_kwh": "Growth of the counter, kWh.",
    "integrated_kwh": "Power integrated over time, kWh.",
    "daily_kwh": "Daily value of the API, kWh.",
    "half_hourly_kwh": "Sum of the half hours, kWh.",
    "counter_kwh": "Daily counter at its last point, kWh.",
    "flow_kwh": "Sum of the half-hourly flows, kWh.",
    "derived_kwh": "Energy derived from data points, over the same half hours, kWh.",
    "energy_kwh": "Energy of the session, kWh.",
    "energy_source": "How the session's energy was found.",
    "duration_s": "Duration of the session, s; null: its times cannot be true.",
    "deviation_w": "Largest deviation of a point, W.",
    "deviation_kwh": (
        "Difference of the two figures, kWh; for counters, their largest fall; for the values of a"
        " session, the energy that cannot be true."
    ),
    "deviation_at": "Time of the largest deviation, UTC; for sessions, their start.",
    "lowest_kwh": "Lower limit of the deviation, or of a session's energy, kWh.",
    "highest_kwh": "Upper limit of the deviation, or of a session's energy, kWh.",
    "is_within": "Whether rounding, cadence and losses explain the deviation.",
}


def reconciliation_view(check: Reconciliation) -> ViewSpec:
    """Return a comparison's view, without days that have archived responses not built yet."""
    sql = read_sql(check.name)
    selected = sql[sql.lower().rindex("\nselect") :]
    schema = pa.schema(
        pa.field(column, _TYPES.get(column, pa.float64()), metadata={"description": text})
        for column, text in _COLUMNS.items()
        if column in selected
    )
    datasets = ", ".join(f"'{table}'" for table in check.tables)
    sql = read_sql("without_pending_days").format(compared=sql, datasets=datasets)
    return ViewSpec(check.name, sql, check.description, schema, key=_KEY)
