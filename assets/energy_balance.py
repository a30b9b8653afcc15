"""Views of the energy balance by half hour: from flows, and from data points where flows lack.

The API calls energy flows deprecated since version 1.53, and nothing that replaces them has
history. `half_hourly_balance_from_points` derives them from power and counters of data points;
`half_hourly_balance` has the flows, and the derived ones only for half hours without a flow.
`docs/reconciliation.md` has the measured differences.
"""

from collections.abc import Sequence

import pyarrow as pa

from assets.framework import read_sql
from warehouse import ViewSpec

_POINTS = "inverter_data_points"
_FLOWS = "energy_flows"
_COLUMNS = {
    "inverter_serial": "Serial number of the inverter.",
    "start_at": "Start of the half hour, UTC.",
    "start_local": "Start in local time.",
    "local_date": "Local day.",
    "pv_to_home_kwh": "Solar energy used in the home directly.",
    "pv_to_battery_kwh": "Solar energy that charged the battery.",
    "pv_to_grid_kwh": "Solar energy exported.",
    "grid_to_home_kwh": "Grid energy used in the home directly.",
    "grid_to_battery_kwh": "Grid energy that charged the battery.",
    "battery_to_home_kwh": "Battery energy used in the home.",
    "battery_to_grid_kwh": "Battery energy exported.",
    "solar_kwh": "Solar energy.",
    "import_kwh": "Energy taken from the grid.",
    "export_kwh": "Energy given to the grid.",
    "charge_kwh": "Energy put into the battery.",
    "discharge_kwh": "Energy taken from the battery.",
    "home_kwh": "Energy used in the home; what the inverter itself uses is part of it.",
    "source": "Table that it comes from: energy_flows, or inverter_data_points if it is derived.",
}


def balance_views_with_tables() -> list[tuple[ViewSpec, Sequence[str]]]:
    """Return the views, each after those that it reads, with the names of its tables."""
    from_points = "The energy balance of each half hour, derived from data points."
    balance = (
        "The energy balance of each half hour: flows of the API, and where it has none, derived"
        " from data points."
    )
    return [
        (_view("half_hourly_balance_from_points", from_points), (_POINTS,)),
        (_view("half_hourly_balance", balance), (_FLOWS, _POINTS)),
    ]


def _view(name: str, description: str) -> ViewSpec:
    schema = pa.schema(
        pa.field(column, pa.null(), metadata={"description": text})
        for column, text in _COLUMNS.items()
    )
    return ViewSpec(name, read_sql(name), description, schema)
