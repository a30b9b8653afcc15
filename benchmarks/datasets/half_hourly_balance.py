"""Compare half hours that are derived from data points with the flows, and with counters.

    python -m benchmarks.datasets.half_hourly_balance FOLDER [--days 60] [--recordings FOLDER]

Three simulated inverters, one of them a Gateway: the differences by half hour and by day from the
flows that the API sends. With recorded days, of which no flows are known: the differences by half
hour from the growth of the counters, which come in tenths of a kWh.
"""

from __future__ import annotations

import time
from datetime import date, timedelta
from pathlib import Path

from benchmarks.common import heading, new_folder, owner_of, parser, row
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner

FIRST = date(2025, 1, 15)
RECORDED = (date(2025, 6, 1), date(2025, 6, 3))
TOTALS = {
    "solar": "solar",
    "import": "grid_import",
    "export": "grid_export",
    "charge": "battery_charge",
    "discharge": "battery_discharge",
}
BY_HALF_HOUR = """
SELECT sqrt(avg((derived.{item}_kwh - flows.{item}_kwh) ** 2)) AS rms_kwh,
    max(abs(derived.{item}_kwh - flows.{item}_kwh)) AS largest_kwh,
    avg(flows.{item}_kwh) AS mean_kwh, count(*) AS half_hours
FROM half_hourly_balance_from_points AS derived
JOIN half_hourly_balance AS flows USING (inverter_serial, start_at)
WHERE flows.source = 'energy_flows'
"""
BY_DAY = """
SELECT item, count(*) AS days, sum(flow_kwh) AS flow_kwh, sum(derived_kwh) AS derived_kwh,
    avg(abs(deviation_kwh)) AS mean_kwh, max(abs(deviation_kwh)) AS largest_kwh
FROM reconcile_flows_points GROUP BY item ORDER BY item
"""
# A counter between two points is taken to grow evenly.
AGAINST_COUNTERS = """
WITH counters AS (
    SELECT time, today_{counter}_kwh AS kwh, lead(time) OVER later AS next_time,
        lead(today_{counter}_kwh) OVER later AS next_kwh
    FROM inverter_data_points WHERE local_date = '{day}' WINDOW later AS (ORDER BY time)
), at_starts AS (
    SELECT start_at, kwh + (next_kwh - kwh) * (epoch(start_at) - epoch(time))
        / (epoch(next_time) - epoch(time)) AS kwh
    FROM (
        SELECT start_at FROM half_hourly_balance_from_points
        UNION SELECT start_at + INTERVAL 30 MINUTE FROM half_hourly_balance_from_points
    ) JOIN counters ON start_at >= time AND start_at < next_time
), grown AS (
    SELECT start_at, lead(start_at) OVER later AS end_at, lead(kwh) OVER later - kwh AS kwh
    FROM at_starts WINDOW later AS (ORDER BY start_at)
)
SELECT count(*) AS half_hours, sqrt(avg((derived.{item}_kwh - grown.kwh) ** 2)) AS rms_kwh,
    max(abs(derived.{item}_kwh - grown.kwh)) AS largest_kwh, avg(grown.kwh) AS mean_kwh
FROM half_hourly_balance_from_points AS derived JOIN grown USING (start_at)
WHERE grown.end_at = start_at + INTERVAL 30 MINUTE AND grown.kwh > -0.2
"""


def simulated(folder: Path, days: int) -> None:
    """Print the differences from the flows of the simulator."""
    config = SimulatorConfig(
        inverters=3, gateways=1, seed=7, rate_limit=100_000, commissioned=FIRST - timedelta(5)
    )
    last = FIRST + timedelta(days=days - 1)
    with Simulator(config) as sim:
        owner = owner_of(sim, folder, "inverter_data_points", "energy_flows")
        print(owner.givlake("backfill", "--start", FIRST, "--end", last).out)
    print(heading("energy", "half hours", "mean kWh", "RMS difference kWh", "largest kWh"))
    for item in (*TOTALS, "home"):
        (found,) = owner.sql(BY_HALF_HOUR.format(item=item))
        figures = (found["mean_kwh"], found["rms_kwh"], found["largest_kwh"])
        print(row(item, f"{found['half_hours']:,}", *(f"{figure:.3f}" for figure in figures)))
    print(heading("flow", "device-days", "flows kWh", "derived kWh", "mean difference", "largest"))
    for found in owner.sql(BY_DAY):
        sums = (f"{found[name]:,.1f}" for name in ("flow_kwh", "derived_kwh"))
        differences = (f"{found[name]:.3f}" for name in ("mean_kwh", "largest_kwh"))
        print(row(found["item"], found["days"], *sums, *differences))
    for view in ("half_hourly_balance_from_points", "half_hourly_balance"):
        print(f"{view}: {_seconds(owner, view):.2f} s for all rows")


def recorded(folder: Path, recordings: Path) -> None:
    """Print the differences from the counters of recorded days."""
    with Simulator(SimulatorConfig(inverters=1, gateways=0, recordings=recordings)) as sim:
        owner = owner_of(sim, folder, "inverter_data_points")
        for day in RECORDED:
            owner.givlake("backfill", "--start", day, "--end", day)
    print(heading("day", "energy", "half hours", "mean kWh", "RMS difference kWh", "largest kWh"))
    for day in RECORDED:
        for item, counter in TOTALS.items():
            (found,) = owner.sql(AGAINST_COUNTERS.format(item=item, counter=counter, day=day))
            figures = (found["mean_kwh"], found["rms_kwh"], found["largest_kwh"])
            print(row(day, item, found["half_hours"], *(f"{figure:.3f}" for figure in figures)))


def _seconds(owner: Owner, view: str) -> float:
    begun = time.perf_counter()
    owner.sql(f"SELECT sum(home_kwh) FROM {view}")
    return time.perf_counter() - begun


def main() -> None:
    """Print the tables."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--days", type=int, default=60)
    arguments.add_argument("--recordings", type=Path)
    options = arguments.parse_args()
    simulated(new_folder(options.folder / "simulated"), options.days)
    if options.recordings is not None:
        recorded(new_folder(options.folder / "recorded"), options.recordings)


if __name__ == "__main__":
    main()
