"""Views that compare figures which should agree, and the gaps between data points.

Each view has a row per device, day and compared item, with `deviation_w` or `deviation_kwh`, and
`is_within`: whether rounding, cadence and losses explain the deviation. `docs/reconciliation.md`
explains the tolerances. Known errors of the API are described at the columns of the tables and are
not compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from assets.framework import read_sql
from warehouse import ViewSpec


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One comparison.

    Attributes:
        name: of the view and of the check.
        description: one sentence for people.
        tables: what it reads, each the main table of the dataset of its name; the check stands at
            the first.
        deviation: the column with the deviation.
    """

    name: str
    description: str
    tables: tuple[str, ...]
    deviation: str = "deviation_kwh"

    @property
    def unit(self) -> str:
        """The unit of the deviation, as people write it."""
        return {"deviation_w": "W", "deviation_kwh": "kWh"}[self.deviation]


RECONCILIATIONS = (
    Reconciliation(
        "reconcile_power",
        "Consumption is the inverter's power less the grid's, in each point.",
        ("inverter_data_points",),
        "deviation_w",
    ),
    Reconciliation(
        "reconcile_counters",
        "No counter falls, but for the reset at midnight and 0.1 kWh of consumption.",
        ("inverter_data_points",),
    ),
    Reconciliation(
        "reconcile_counters_power",
        "The day's counters count what the power adds up to.",
        ("inverter_data_points",),
    ),
    Reconciliation(
        "reconcile_counters_flows",
        "The day's counters count what flowed in its half hours.",
        ("energy_flows", "inverter_data_points"),
    ),
    Reconciliation(
        "reconcile_flows",
        "The half hours of a day add up to what the API says of the day.",
        ("energy_flows", "energy_flow_aggregates"),
    ),
    Reconciliation(
        "reconcile_sessions",
        "The energy of a charging session is what the charger's register counted.",
        ("ev_charging_sessions", "ev_meter_readings"),
    ),
)

_COLUMNS = {
    "device_id": "Serial number or UUID of the device.",
    "day": "Local day; of a charging session, the day of its start in UTC.",
    "item": "What is compared.",
    "compared": "Points, steps from point to point, half hours or sessions that were compared.",
    "outside": "Points that deviate by more than 5 W.",
    "deviation_w": "The largest deviation of a point.",
    "deviation_kwh": "How far the two figures lie apart; of counters, their largest fall.",
    "deviation_at": "The time of the point with the largest deviation; start of the session.",
    "counted_kwh": "What the counter counted.",
    "integrated_kwh": "Power added up over time.",
    "counter_kwh": "The day's counter at its last point.",
    "flow_kwh": "The half hours' flows.",
    "daily_kwh": "What the API says of the day.",
    "half_hourly_kwh": "The sum of the half hours.",
    "energy_kwh": "What the session says.",
    "lowest_kwh": "The least that is right: of a deviation, or of a session's energy.",
    "highest_kwh": "The most that is right: of a deviation, or of a session's energy.",
    "is_within": "Whether the deviation is explained by rounding, cadence and losses.",
}
_GAP_COLUMNS = {
    "inverter_serial": "Serial number of the inverter.",
    "last_point_at": "The last point before the gap, UTC.",
    "next_point_at": "The first point after it, UTC.",
    "first_date": "Local day on which it begins.",
    "last_date": "Local day on which it ends.",
    "duration_s": "How long it is.",
    "cause": (
        "not_fetched: a day in it failed, is partial, forbidden or gone, or was not requested;"
        " not_sent: the inverter went on counting and its points never reached the API;"
        " device_off: nothing was counted; unknown: there are no counters."
    ),
    "is_energy_known": "Whether the counters grew over it: the energy is known, the curve is not.",
    "solar_kwh": "Solar energy over the gap.",
    "grid_import_kwh": "Energy imported over the gap.",
    "grid_export_kwh": "Energy exported over the gap.",
    "consumption_kwh": "Energy consumed over the gap.",
}


def reconciliation_views() -> list[ViewSpec]:
    """List the views of this module: one for each comparison, and the gaps between points."""
    views = [_view(each.name, each.description, _COLUMNS, each.tables) for each in RECONCILIATIONS]
    gaps = "More than 30 minutes without a point between two points of an inverter, and why."
    return [*views, _view("gaps", gaps, _GAP_COLUMNS)]


def _view(
    name: str, description: str, columns: dict[str, str], datasets: Sequence[str] = ()
) -> ViewSpec:
    """Make a view; days of which responses of some datasets are not built yet are left out."""
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
