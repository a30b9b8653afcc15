"""Plant errors in a year of a home, and compare them with what each reconciliation finds.

    python -m benchmarks.datasets.reconciliation_year FOLDER [--days 365]

One inverter and one charger, fetched by `givlake backfill` from the simulator. Sums of days are
fetched before some half hours are spoilt, so that only the latter are wrong. Ends with 1 if a
reconciliation misses an error or reports a day without one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from assets.reconciliation import RECONCILIATIONS
from benchmarks.common import heading, new_folder, owner_of, parser, row
from simulator import Simulator, SimulatorConfig

FIRST = date(2025, 1, 1)
DATASETS = (
    "inverter_data_points",
    "energy_flow_aggregates",
    "ev_charging_sessions",
    "ev_meter_readings",
    "energy_flows",
)
EACH = 3
COMPARED = [each for each in RECONCILIATIONS if each.is_finding]


CONFIG = SimulatorConfig(
    inverters=1,
    gateways=0,
    seed=7,
    rows_per_day=280,
    rate_limit=100_000,
    commissioned=FIRST - timedelta(days=10),
    empty_day_rate=0.01,
    ev_chargers=1,
    ev_points_every_s=600,
)


def plant_points(sim: Simulator, day: date, which: slice, change: Callable[[Any], None]) -> None:
    """Change some points of a day."""
    points = sim.truth(sim.serials[0], day)
    for point in points[which]:
        change(point)
    sim.set_rows(sim.serials[0], day, points)


def full_day(sim: Simulator, day: date) -> date:
    """Give the first day from one on on which the inverter was not offline."""
    while len(sim.truth(sim.serials[0], day)) < 250:
        day += timedelta(days=1)
    return day


def consumption_wrong(point: Any) -> None:
    """Let consumption be half a kilowatt too much."""
    point["power"]["consumption"]["power"] += 500


def counter_falls(point: Any) -> None:
    """Let a counter fall by one kWh."""
    point["total"]["solar"] -= 1


def battery_too_much(point: Any) -> None:
    """Let the battery take half a kilowatt more."""
    point["power"]["battery"]["power"] -= 500


def plant(sim: Simulator, days: int) -> dict[str, set[tuple[str, str]]]:
    """Spoil a few days for each comparison but that of the flows; give day and item of each."""
    planted: dict[str, set[tuple[str, str]]] = {each.name: set() for each in COMPARED}
    for number in range(EACH):
        day = full_day(sim, FIRST + timedelta(days=(7 + number * 31) % days))
        plant_points(sim, day, slice(100, 130), consumption_wrong)
        planted["reconcile_power"].add((f"{day}", "consumption"))
        day = full_day(sim, day + timedelta(days=2))
        plant_points(sim, day, slice(200, 201), counter_falls)
        planted["reconcile_counters"].add((f"{day}", "total_solar"))
        day = full_day(sim, day + timedelta(days=2))
        plant_points(sim, day, slice(20, 160), battery_too_much)
        # Less is discharged as well.
        planted["reconcile_counters_power"].add((f"{day}", "battery_charge"))
        planted["reconcile_counters_power"].add((f"{day}", "battery_discharge"))
    (charger,) = sim.charger_uuids
    sessions = sim.truth_of("charging-sessions", charger, start_time=f"{FIRST}")
    ended = sorted((s for s in sessions if s["stopped_at"]), key=lambda s: s["started_at"])
    for session in ended[5 : 5 + 4 * EACH : 4]:
        session["meter_stop"] += 2
        planted["reconcile_sessions"].add((session["started_at"][:10], "session"))
    sim.set_listing("charging-sessions", charger, sessions)
    return planted


def plant_flows(sim: Simulator, days: int, planted: dict[str, set[tuple[str, str]]]) -> None:
    """Spoil a half hour of a few days."""
    (serial,) = sim.serials
    end = FIRST + timedelta(days=days)
    flows = sim.truth_of(
        "energy-flows", serial, start_time=f"{FIRST}", end_time=f"{end}", grouping=0
    )
    by_start = {row["start_time"]: row for row in flows}
    for number in range(EACH):
        day = FIRST + timedelta(days=(15 + number * 31) % days)
        by_start[f"{day} 12:00"]["data"]["2"] += 3
        planted["reconcile_flows"].add((f"{day}", "pv_to_grid"))
        planted["reconcile_counters_flows"] |= {(f"{day}", "solar"), (f"{day}", "grid_export")}
    sim.set_listing("energy-flows", serial, flows)


def main() -> None:
    """Fetch the year and print the table."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--days", type=int, default=365, help="planted days meet below 100")
    options = arguments.parse_args()
    with Simulator(CONFIG) as sim:
        planted = plant(sim, options.days)
        owner = owner_of(sim, new_folder(options.folder), *DATASETS)
        days = ("--start", FIRST, "--end", FIRST + timedelta(days=options.days - 1))
        first = [word for name in DATASETS[:-1] for word in ("--dataset", name)]
        print(owner.givlake("backfill", *days, *first).out)
        plant_flows(sim, options.days, planted)
        print(owner.givlake("backfill", *days, "--dataset", DATASETS[-1]).out)
    names = ("view", "rows", "values", "largest deviation on other days", "planted", "found")
    print(heading(*names, "others", "seconds"))
    spoilt = {day for items in planted.values() for day, _ in items}
    differing = []
    for each in COMPARED:
        begun = time.perf_counter()
        found = owner.sql(
            f"SELECT day::VARCHAR AS day, item, compared, is_within,"
            f" abs({each.deviation}) AS deviation FROM {each.name}"
        )
        seconds = time.perf_counter() - begun
        outside = {(one["day"], one["item"]) for one in found if not one["is_within"]}
        clean = [one["deviation"] for one in found if one["day"] not in spoilt]
        wanted = planted[each.name]
        compared = f"{sum(one['compared'] for one in found):,}"
        largest = f"{max(clean, default=0):.3g} {each.unit}"
        counts = (len(wanted), len(outside & wanted), len(outside - wanted))
        print(
            row(f"`{each.name}`", f"{len(found):,}", compared, largest, *counts, f"{seconds:.2f}")
        )
        differing += [f"{each.name}: reported {one}" for one in sorted(outside - wanted)]
        differing += [f"{each.name}: missed {one}" for one in sorted(wanted - outside)]
    raise SystemExit("\n".join(differing) or 0)


if __name__ == "__main__":
    main()
