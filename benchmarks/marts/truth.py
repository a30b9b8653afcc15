"""Compare marts of two years with what is true inside the simulator.

    python -m benchmarks.marts.truth FOLDER [--days 731] [--point-days 200] [--flow-years 5]

Four inverters, one of them a Gateway, a charger and cheap hours: flows and charging sessions of two
years with four clock changes, data points and meter readings of 200 days with two of them. The
largest deviation of each column. The capacity of batteries from their discharges, the degradation
of panels from further years of flows, and costs against the same rules in Python. The figures are
also written to truth.json in the folder.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.common import heading, new_folder, owner_of, parser, row
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner

FIRST = date(2023, 1, 1)
LONDON = ZoneInfo("Europe/London")
FLOWS = (
    "pv_to_home", "pv_to_battery", "pv_to_grid", "grid_to_home", "grid_to_battery",
    "battery_to_home", "battery_to_grid",
)  # fmt: skip
SUMS = {
    "solar": ("pv_to_home", "pv_to_battery", "pv_to_grid"),
    "import": ("grid_to_home", "grid_to_battery"),
    "export": ("pv_to_grid", "battery_to_grid"),
    "charge": ("pv_to_battery", "grid_to_battery"),
    "discharge": ("battery_to_home", "battery_to_grid"),
    "home": ("pv_to_home", "grid_to_home", "battery_to_home"),
}
POINTS_FROM = date(2023, 10, 1)
DATASETS = (
    "communication_devices", "inverter_data_points", "energy_flows", "ev_charging_sessions",
    "ev_meter_readings",
)  # fmt: skip
TARIFF = """
name = "two-rate"
[[period]]
from = 2022-01-01
standing_charge = 53.80
import = [{ price = 27.00 }, { price = 8.50, start = "00:30", end = "05:30" }]
export = [{ price = 15.00 }]
"""
Energies = dict[str, float]


class Deviations:
    """The largest deviation of each column, with its mean and the number of values."""

    def __init__(self) -> None:
        """Begin without any."""
        self._found: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._missing: dict[tuple[str, str], int] = defaultdict(int)

    def add(self, mart: str, column: str, value: float | None, true: float) -> None:
        """Note a value."""
        if value is None:
            self._missing[mart, column] += 1
        else:
            self._found[mart, column].append(value - true)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the figures of each column."""
        for (mart, column), errors in self._found.items():
            yield {
                "mart": mart,
                "column": column,
                "values": len(errors),
                "null": self._missing[mart, column],
                "mean": sum(errors) / len(errors),
                "largest": max(map(abs, errors)),
            }


def midnight(day: date) -> datetime:
    """Return the first instant of a local day."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)


def true_half_hours(sim: Simulator, serial: str, days: int) -> dict[datetime, Energies]:
    """Return the true flows and their sums by half hour."""
    last = FIRST + timedelta(days=days)
    found = {}
    for half in sim.energies(serial, midnight(FIRST), midnight(last)):
        flows = {name: getattr(half, name) for name in FLOWS}
        found[half.start] = flows | {
            total: sum(flows[part] for part in parts) for total, parts in SUMS.items()
        }
    return found


def by_day(halves: dict[datetime, Energies]) -> dict[date, Energies]:
    """Return the sums of local days."""
    days: dict[date, Energies] = {}
    for start, kwh in halves.items():
        day = days.setdefault(start.astimezone(LONDON).date(), dict.fromkeys(kwh, 0.0))
        for name in kwh:
            day[name] += kwh[name]
    return days


def energies(owner: Owner, sim: Simulator, days: int, found: Deviations) -> None:
    """Compare the marts of energies of each inverter, and of the site, which is the Gateway's."""
    for serial in sim.serials:
        halves = true_half_hours(sim, serial, days)
        daily = by_day(halves)
        own = f"WHERE inverter_serial = '{serial}'"
        for mart, condition in (
            ("half_hourly_balance", own),
            ("site_half_hourly", "" if serial == sim.serials[-1] else None),
        ):
            if condition is None:
                continue
            for line in owner.sql(f"FROM {mart} {condition}"):
                if true := halves.get(line["start_at"]):
                    label = f"{mart}, {line['source']}"
                    for name in (*FLOWS, *SUMS):
                        found.add(label, name, line[f"{name}_kwh"], true[name])
        for line in owner.sql(f"FROM daily_energy {own}"):
            if true := daily.get(line["local_date"]):
                label = f"daily_energy, {line['source']}, {whole(line)}"
                names = (*FLOWS, *SUMS) if line["source"] == "energy_flows" else tuple(SUMS)[:5]
                for name in names:
                    found.add(label, name, line[f"{name}_kwh"], true[name])
        for line in owner.sql(f"FROM monthly_energy {own} AND flow_days = days_expected"):
            month = [kwh for day, kwh in daily.items() if day.replace(day=1) == line["month"]]
            for name in SUMS:
                true_kwh = sum(kwh[name] for kwh in month)
                found.add("monthly_energy", name, line[f"{name}_kwh"], true_kwh)
        for line in owner.sql(
            f"FROM self_sufficiency WHERE device = '{serial}' AND period = 'day'"
        ):
            true = daily[line["start_date"]]
            found.add(
                "self_sufficiency, day",
                "self_sufficiency",
                line["self_sufficiency"],
                1 - true["grid_to_home"] / true["home"],
            )
            if true["solar"] > 0.5:
                used = (true["pv_to_home"] + true["pv_to_battery"]) / true["solar"]
                found.add(
                    "self_sufficiency, day", "self_consumption", line["self_consumption"], used
                )


def whole(line: dict[str, Any]) -> str:
    """Say whether a day is whole."""
    return "whole days" if line["is_complete"] else "other days"


def batteries(owner: Owner, sim: Simulator) -> list[dict[str, Any]]:
    """Return the capacity from discharges, in order and in blocks of 100, beside the true one."""
    rows = []
    for serial in sim.serials:
        runs = owner.sql(
            f"FROM battery_runs WHERE inverter_serial = '{serial}' ORDER BY started_at"
        )
        for first in range(0, len(runs) - 99, 100):
            block = runs[first : first + 100]
            true = median(sim.battery_kwh(serial, run["started_at"]) for run in block)
            found = median(run["usable_kwh"] for run in block)
            rows.append(
                {
                    "inverter": serial,
                    "runs": f"{first + 1}-{first + 100}",
                    "from": str(block[0]["local_date"]),
                    "to": str(block[-1]["local_date"]),
                    "usable_kwh": found,
                    "true_kwh": true,
                    "percent": 100 * (found / true - 1),
                }
            )
    return rows


def sessions(owner: Owner, sim: Simulator, days: int, found: Deviations) -> None:
    """Compare sessions and their half hours."""
    (charger,) = sim.charger_uuids
    true = {
        session.started_at: session
        for session in sim.charged(charger, midnight(FIRST), midnight(FIRST + timedelta(days=days)))
    }
    for line in owner.sql("FROM ev_sessions WHERE is_complete"):
        session = true.get(line["started_at"])
        if session is not None and session.from_pv_kwh is not None:
            true_parts = {
                "energy": session.kwh,
                "solar": session.from_pv_kwh,
                "battery": session.from_battery_kwh or 0,
                "grid": session.from_grid_kwh or 0,
            }
            for name, kwh in true_parts.items():
                found.add(f"ev_sessions, {line['source']}", name, line[f"{name}_kwh"], kwh)
            # The car is behind the home's meter.
            label = f"ev_sessions, {line['source']}, share on the home's meter"
            is_home = line["on_home_meter"]
            found.add(label, "on_home_meter", None if is_home is None else float(is_home), 1.0)
    halves = {
        (session.started_at, start): kwh
        for session in true.values()
        for start, kwh in session.half_hours
    }
    for line in owner.sql("FROM ev_session_half_hours WHERE source = 'ev_meter_readings'"):
        if line["started_at"] in true:
            kwh = halves.get((line["started_at"], line["start_at"]), 0.0)
            found.add("ev_session_half_hours", "energy", line["energy_kwh"], kwh)


def costs(owner: Owner, sim: Simulator, days: int, found: Deviations) -> None:
    """Compare costs with the rules of the tariff over the same energies, and over the true ones."""
    site = true_half_hours(sim, sim.serials[-1], days)
    for line in owner.sql("FROM cost_half_hourly WHERE is_complete"):
        local = line["start_at"].astimezone(LONDON)
        pence = 8.5 if (0, 30) <= (local.hour, local.minute) < (5, 30) else 27.0
        exact = (line["import_kwh"] * pence - line["export_kwh"] * 15) / 100
        net = line["import_cost_gbp"] - line["export_income_gbp"]
        found.add("cost_half_hourly, same energies", "net (GBP)", net, exact)
        if true := site.get(line["start_at"]):
            paid = (true["import"] * pence - true["export"] * 15) / 100
            found.add("cost_half_hourly, true energies", "net (GBP)", net, paid)
    daily = by_day(site)
    for line in owner.sql("FROM cost_daily WHERE is_complete"):
        if line["local_date"] not in daily:
            continue
        paid = 0.538
        start = midnight(line["local_date"])
        while start < midnight(line["local_date"] + timedelta(days=1)):
            local = start.astimezone(LONDON)
            pence = 8.5 if (0, 30) <= (local.hour, local.minute) < (5, 30) else 27.0
            paid += (site[start]["import"] * pence - site[start]["export"] * 15) / 100
            start += timedelta(minutes=30)
        found.add("cost_daily, true energies", "net (GBP)", line["net_cost_gbp"], paid)


def panels(folder: Path, years: int, again: bool) -> list[dict[str, Any]]:
    """Return the degradation found in years of flows alone."""
    first = date(2019, 1, 1)
    last = date(first.year + years, 1, 1) - timedelta(days=1)
    clock = datetime(last.year + 1, 1, 10, 12, tzinfo=UTC)
    config = SimulatorConfig(
        inverters=4, gateways=0, seed=11, rate_limit=100_000, commissioned=first, clock=clock
    )
    with Simulator(config) as sim:
        owner = owner_of(sim, folder, "energy_flows")
        if not again:
            print(owner.givlake("backfill", "--start", first, "--end", last).out[-300:])
    return owner.sql(
        "SELECT inverter_serial, change_percent_per_year, standard_error_percent, years, verdict"
        " FROM pv_health ORDER BY ALL"
    )


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print a table."""
    if rows:
        print(heading(*rows[0]))
        for line in rows:
            print(row(*(f"{v:.4g}" if isinstance(v, float) else v for v in line.values())))
        print(flush=True)


def main() -> None:
    """Print the tables."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--days", type=int, default=731)
    arguments.add_argument("--again", action="store_true", help="compare what is there already")
    arguments.add_argument("--point-days", type=int, default=200)
    arguments.add_argument("--flow-years", type=int, default=5)
    options = arguments.parse_args()
    folder = options.folder.resolve() if options.again else new_folder(options.folder)
    last = FIRST + timedelta(days=options.days - 1)
    config = SimulatorConfig(
        inverters=4, gateways=1, ev_chargers=1, ev_points_every_s=600, cheap_hours="00:30-05:30",
        seed=7, rate_limit=100_000, commissioned=FIRST,
        clock=datetime.combine(last + timedelta(days=10), datetime.min.time(), UTC),
    )  # fmt: skip
    found = Deviations()
    with Simulator(config) as sim:
        owner = owner_of(sim, folder / "years", *DATASETS)
        pointed = POINTS_FROM + timedelta(days=options.point_days - 1)
        for dataset, start, end in (
            ("energy_flows", FIRST, last),
            ("ev_charging_sessions", FIRST, last),
            ("ev_meter_readings", POINTS_FROM, pointed),
            ("inverter_data_points", POINTS_FROM, pointed),
        ):
            if options.again:
                break
            done = owner.givlake("backfill", "--dataset", dataset, "--start", start, "--end", end)
            print(done.output[-300:], flush=True)
        (owner.folder / "two-rate.toml").write_text(TARIFF)
        owner.givlake("tariffs", "load", "two-rate.toml")
        owner.givlake("tariffs", "use", "two-rate", "--from", FIRST)
        energies(owner, sim, options.days, found)
        sessions(owner, sim, options.days, found)
        costs(owner, sim, options.days, found)
        capacity = batteries(owner, sim)
    degradation = panels(folder / "flows", options.flow_years, options.again)
    figures = {
        "deviations": list(found.rows()), "batteries": capacity, "panels": degradation,
    }  # fmt: skip
    for rows in figures.values():
        print_rows(rows)
    (folder / "truth.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
