"""Marts of one inverter's energies, against what the API sends, computed in Python."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from assets.marts.mart_file import marts
from pipelines.health.mart_checks import check_key
from simulator import Simulator
from tests.support.flow_rows import FLOWS, HALF_HOUR, LONDON, half_hours
from tests.support.mart_house import (
    AUTUMN,
    COUNTED,
    DAYS,
    EVENING_LOST,
    NIGHT_ONLY,
    NOON_LOST,
    RANGES,
    SPRING,
    UNKNOWN,
    fill,
    house_settings,
)
from warehouse.connection import connect

SUMS = {
    "solar_kwh": ("pv_to_home", "pv_to_battery", "pv_to_grid"),
    "import_kwh": ("grid_to_home", "grid_to_battery"),
    "export_kwh": ("pv_to_grid", "battery_to_grid"),
    "charge_kwh": ("pv_to_battery", "grid_to_battery"),
    "discharge_kwh": ("battery_to_home", "battery_to_grid"),
    "home_kwh": ("pv_to_home", "grid_to_home", "battery_to_home"),
}
COUNTERS = {
    "solar_kwh": "today_solar_kwh",
    "import_kwh": "today_grid_import_kwh",
    "export_kwh": "today_grid_export_kwh",
    "charge_kwh": "today_battery_charge_kwh",
    "discharge_kwh": "today_battery_discharge_kwh",
}
TARIFF = """
name = "go"
[[period]]
from = 2024-01-01
standing_charge = 53.80
import = [{ price = 27.00 }, { price = 8.50, start = "00:30", end = "05:30" }]
export = [{ price = 15.00 }]
"""
MACROS = (
    "energy_between('2024-03-29', '2024-06-16')",
    "cost_between('go', '2024-03-29', '2024-06-16')",
    "typical_day(6)",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with Simulator(house_settings()) as sim:
        house = fill(sim, tmp_path_factory)
        (house.owner.folder / "go.toml").write_text(TARIFF)
        for command in (("load", "go.toml"), ("use", "go", "--from", "2024-01-01")):
            done = house.owner.givlake("tariffs", *command)
            assert done.status == 0, done.output
        yield house


def by_day(house, mart):
    return {
        row["local_date"]: row
        for row in house.owner.sql(f"FROM {mart}")
        if row["local_date"] in DAYS
    }


@pytest.mark.slow
def test_keys_are_unique(house):
    with house.owner.lake() as lake:
        for mart in marts():
            if not mart.parameters:
                found = check_key(lake, mart)
                assert (found.rows_without_key, found.repeated_keys) == (0, 0), mart.name


@pytest.mark.slow
def test_marts_are_the_same_in_any_time_zone_of_the_session(house):
    # DuckDB's now() is the same within a transaction.
    with house.owner.lake() as lake, connect(lake) as connection:
        # With several threads, sums differ in their last digits.
        connection.execute("SET threads = 1")
        connection.execute("BEGIN")
        for name in (*(mart.name for mart in marts() if not mart.parameters), *MACROS):
            tables = []
            for zone in ("UTC", "America/New_York"):
                connection.execute(f"SET TimeZone = '{zone}'")
                tables.append(f"rows_{len(tables)}")
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {tables[-1]} AS FROM {name}")
            for one, other in (tables, tables[::-1]):
                differing = connection.execute(f"FROM {one} EXCEPT ALL FROM {other}").fetchall()
                assert differing == [], name


def test_every_half_hour_of_a_day_is_there_once_with_its_number(house):
    rows = house.owner.sql("FROM half_hourly_balance ORDER BY start_at")
    for day in DAYS:
        found = [row for row in rows if row["local_date"] == day]
        if day not in (EVENING_LOST, NIGHT_ONLY, UNKNOWN):
            numbers = [row["settlement_period"] for row in found]
            assert [row["start_at"] for row in found] == half_hours(day)
            assert numbers == list(range(1, len(half_hours(day)) + 1))
            assert len(numbers) == {SPRING: 46, AUTUMN: 50}.get(day, 48)
    assert not any(row["local_date"] == UNKNOWN for row in rows)


def test_flows_of_the_api_are_kept_and_only_missing_ones_are_derived(house):
    rows = house.owner.sql("FROM half_hourly_balance ORDER BY start_at")
    sent = {row["start_at"]: row for row in rows if row["source"] == "energy_flows"}
    assert sent.keys() == house.flows.keys()
    for start, row in sent.items():
        flows = {n: 0 if abs(k) < 0.005 else k for n, k in house.flows[start].items()}
        assert {name: row[f"{name}_kwh"] for name in FLOWS} == pytest.approx(flows, abs=1e-12)
        for total, parts in SUMS.items():
            assert row[total] == pytest.approx(sum(flows[part] for part in parts), abs=1e-12)
        assert (row["is_complete"], row["is_final"]) == (True, True)
    derived = [row for row in rows if row["source"] != "energy_flows"]
    assert {row["local_date"] for row in derived} == {COUNTED, EVENING_LOST, NOON_LOST}
    true = {
        half.start: half
        for row in derived
        for half in house.sim.energies(house.serial, row["start_at"], row["start_at"] + HALF_HOUR)
    }
    for total, parts in SUMS.items():
        if total != "home_kwh":
            errors = [
                row[total] - sum(getattr(true[row["start_at"]], part) for part in parts)
                for row in derived
            ]
            assert max(map(abs, errors)) < 0.35, total
            assert abs(sum(errors)) < 0.6, total


def test_energies_of_a_day_are_its_flows_or_else_its_last_counters(house):
    rows = by_day(house, "daily_energy")
    assert set(rows) == set(DAYS)
    for day, row in rows.items():
        points, flows = house.day_points(day), house.day_flows(day)
        late = [p for p in points if p["local_time"].hour >= 1]
        if flows is not None:
            expected = {name: sum(flows[part] for part in SUMS[name]) for name in SUMS}
            expected |= {f"{name}_kwh": kwh for name, kwh in flows.items()}
            expected["source"] = "energy_flows"
        elif late:
            expected = {name: late[-1][counter] for name, counter in COUNTERS.items()}
            expected |= {"home_kwh": None, "source": "inverter_data_points"}
        else:
            expected = dict.fromkeys([*SUMS, "source", "deviation_kwh"])
        for name, value in expected.items():
            wanted = value if not isinstance(value, float) else pytest.approx(value, abs=0.00501)
            assert row[name] == wanted, (day, name)
        assert row["home_counter_kwh"] == (late[-1]["today_consumption_kwh"] if late else None)
        assert row["points"] == len(points)
        assert row["last_point_at"] == (points[-1]["time"] if points else None)
        assert row["half_hours"] == sum(start in house.flows for start in half_hours(day))
        assert row["half_hours_expected"] == len(half_hours(day))
        assert row["is_complete"] == (day not in (EVENING_LOST, NIGHT_ONLY, UNKNOWN))
        # An empty answer is believed after a second one.
        assert row["is_final"] == (flows is not None or day == NOON_LOST)
        if flows is not None:
            deviations = [
                abs(sum(flows[part] for part in SUMS[name]) - late[-1][counter])
                for name, counter in COUNTERS.items()
            ]
            assert row["deviation_kwh"] == pytest.approx(max(deviations), abs=0.00501)
    assert rows[COUNTED]["source"] == rows[NOON_LOST]["source"] == "inverter_data_points"
    assert rows[NIGHT_ONLY]["points"] > 0
    assert rows[UNKNOWN]["points"] == 0


def test_the_first_points_of_a_day_can_carry_the_day_before(house):
    largest = {}
    for day in DAYS:
        points = house.day_points(day)
        if len(points) > 100:
            largest[day] = max(p["today_solar_kwh"] for p in points) - points[-1]["today_solar_kwh"]
    # Otherwise this house would not show that the largest value is not the day's.
    assert max(largest.values()) > 0.5


def test_a_month_is_the_sum_of_its_days_and_says_how_many(house):
    days = by_day(house, "daily_energy")
    months = {row["month"]: row for row in house.owner.sql("FROM monthly_energy")}
    for month, row in months.items():
        own = [day for when, day in days.items() if when.replace(day=1) == month]
        for name in (*SUMS, "home_counter_kwh"):
            known = [day[name] for day in own if day[name] is not None]
            assert row[name] == pytest.approx(sum(known), abs=0.006) if known else not row[name]
        assert row["days"] == sum(day["is_complete"] for day in own)
        assert row["flow_days"] == sum(day["source"] == "energy_flows" for day in own)
        assert not row["is_complete"]
    june = months[date(2024, 6, 1)]
    assert (june["source"], june["days"], june["flow_days"], june["days_expected"]) == (
        "energy_flows+inverter_data_points", 5, 3, 30,
    )  # fmt: skip


def test_both_definitions_of_self_sufficiency_are_what_they_say(house):
    flows = {day: house.day_flows(day) for day in DAYS}
    flows = {day: sums for day, sums in flows.items() if sums is not None}
    rows = house.owner.sql("FROM self_sufficiency WHERE period = 'day'")
    found = {(row["device_kind"], row["start_date"]): row for row in rows}
    assert {day for kind, day in found if kind == "inverter"} == set(flows)
    differences = []
    for day, sums in flows.items():
        week = [flows[d] for d in flows if day - timedelta(days=6) <= d <= day]
        charge = sum(d["pv_to_battery"] + d["grid_to_battery"] for d in week)
        share = sum(d["pv_to_battery"] for d in week) / charge if charge else 0
        home = sums["pv_to_home"] + sums["grid_to_home"] + sums["battery_to_home"]
        solar = sums["pv_to_home"] + sums["pv_to_battery"] + sums["pv_to_grid"]
        row = found["inverter", day]
        assert row["self_sufficiency"] == pytest.approx(1 - sums["grid_to_home"] / home, abs=2e-3)
        own = (sums["pv_to_home"] + sums["battery_to_home"] * share) / home
        assert row["own_solar"] == pytest.approx(own, abs=2e-3)
        used = (sums["pv_to_home"] + sums["pv_to_battery"]) / solar
        assert row["self_consumption"] == pytest.approx(used, abs=2e-3)
        assert row["is_complete"]
        differences.append(row["self_sufficiency"] - row["own_solar"])
        site = found["site", day]
        for name in ("self_sufficiency", "own_solar", "self_consumption"):
            assert site[name] == pytest.approx(row[name], abs=0.02), (day, name)
    # The battery is charged from the grid at night.
    assert max(differences) > 0.1
    (month,) = house.owner.sql(
        "FROM self_sufficiency WHERE period = 'month' AND device_kind = 'inverter'"
        " AND start_date = '2024-06-01'"
    )
    assert (month["days"], month["days_expected"]) == (3, 30)
    assert month["self_sufficiency"] is month["own_solar"] is month["self_consumption"] is None
    assert month["home_kwh"] > 0


def test_a_battery_s_day_is_that_of_its_points(house):
    rows = by_day(house, "battery_daily")
    energies = by_day(house, "daily_energy")
    for day, row in rows.items():
        points = [p for p in house.day_points(day) if p["battery_percent"] is not None]
        percents = [p["battery_percent"] for p in points]
        halves: dict[datetime, list[float]] = {}
        for point in points:
            start = point["time"].replace(minute=point["time"].minute // 30 * 30, second=0)
            halves.setdefault(start, []).append(point["battery_percent"])
        full = sum(sum(p >= 98 for p in half) / len(half) for half in halves.values()) / 2
        expected = {
            "min_percent": min(percents, default=None), "max_percent": max(percents, default=None),
            "first_percent": percents[0] if percents else None,
            "last_percent": percents[-1] if percents else None,
            "hours_full": pytest.approx(full) if percents else None,
            "hours_known": len(halves) / 2,
            "charge_kwh": energies[day]["charge_kwh"],
            "discharge_kwh": energies[day]["discharge_kwh"],
            "source": energies[day]["source"], "is_complete": energies[day]["is_complete"],
        }  # fmt: skip
        temperatures = [
            point["battery_temperature_celsius"]
            for point in points
            if point["battery_temperature_celsius"] is not None
        ]
        expected["max_temperature_celsius"] = max(temperatures, default=None)
        assert {name: row[name] for name in expected} == expected, day
        if row["discharge_kwh"] is not None:
            cycles = row["discharge_kwh"] / row["nominal_kwh"]
            assert row["cycles"] == pytest.approx(cycles)


def test_a_discharge_shows_the_capacity_of_the_battery(house):
    rows = house.owner.sql("FROM battery_runs")
    assert len(rows) >= 5
    for row in rows:
        late = [
            point
            for point in house.day_points(row["local_date"])
            if point["local_time"].hour >= 1 and point["battery_percent"] is not None
        ]
        highest = max(p["battery_percent"] for p in late)
        start = [p for p in late if p["battery_percent"] == highest][-1]
        assert (row["started_at"], row["start_percent"]) == (start["time"], highest)
        (end,) = [p for p in late if p["time"] == row["ended_at"]]
        assert row["end_percent"] == end["battery_percent"]
        fallen = row["start_percent"] - row["end_percent"]
        assert fallen >= 40
        counted = end["today_battery_discharge_kwh"] - start["today_battery_discharge_kwh"]
        assert row["discharge_kwh"] == pytest.approx(counted)
        assert row["usable_kwh"] == pytest.approx(100 * counted / fallen)
        recharged = end["today_battery_charge_kwh"] - start["today_battery_charge_kwh"]
        assert row["recharge_kwh"] == pytest.approx(recharged)
        assert recharged < 0.11
        true = house.sim.battery_kwh(house.serial, row["started_at"])
        assert row["usable_kwh"] == pytest.approx(true, rel=0.06)


def test_fewer_than_five_discharges_say_nothing_of_a_month(house):
    runs = [row["local_date"].replace(day=1) for row in house.owner.sql("FROM battery_runs")]
    rows = house.owner.sql("FROM battery_health")
    assert {row["month"] for row in rows} >= {day.replace(day=1) for day in DAYS}
    for row in rows:
        assert row["runs"] == runs.count(row["month"])
        assert (row["usable_kwh"] is None) == (row["runs"] < 5)
        assert row["round_trip"] is None


def test_days_of_one_year_show_no_change_of_the_panels(house):
    for row in house.owner.sql("FROM pv_health"):
        assert row["verdict"] == "not distinguishable from none"
        assert not row["is_complete"]


def test_a_profile_is_the_mean_of_half_hours_of_days(house):
    halves: dict[tuple[date, int], list[float]] = {}
    for point in house.points:
        local = point["local_time"]
        key = (point["local_date"], 2 * local.hour + local.minute // 30)
        halves.setdefault(key, []).append(point["consumption_power_w"])
    profile: dict[tuple[int, int, int], list[float]] = {}
    for (day, half), powers in halves.items():
        key = (day.month, day.isoweekday(), half)
        profile.setdefault(key, []).append(sum(powers) / len(powers))
    rows = house.owner.sql("FROM power_profile")
    found = {}
    for row in rows:
        half = 2 * row["half_hour"].hour + row["half_hour"].minute // 30
        found[row["month_number"], row["weekday"], half] = row
    assert found.keys() == profile.keys()
    for key, means in profile.items():
        assert found[key]["home_mean_w"] == pytest.approx(sum(means) / len(means))
        assert found[key]["days"] == len(means)
    # In spring no clock shows 01:00 to 02:00; that Sunday is the only one of March here.
    assert (3, 7, 2) not in found
    assert (10, 7, 2) in found


def test_gaps_between_points_are_those_longer_than_half_an_hour(house):
    expected = {}
    for earlier, later in pairwise(house.points):
        days = (earlier["local_date"], later["local_date"])
        together = any(first <= days[0] and days[1] <= last for first, last in RANGES)
        if together and later["time"] - earlier["time"] > HALF_HOUR:
            expected[earlier["time"]] = later
    rows = {row["last_point_at"]: row for row in house.owner.sql("FROM gaps")}
    assert rows.keys() == expected.keys()
    for last, row in rows.items():
        assert row["next_point_at"] == expected[last]["time"]
        assert row["duration_s"] == (expected[last]["time"] - last).total_seconds()
    quality = {
        row["local_date"]: row
        for row in house.owner.sql(
            "FROM data_quality_daily"
            " WHERE dataset = 'inverter_data_points' AND state <> 'not_requested'"
        )
    }
    assert set(quality) >= set(DAYS)
    for day in DAYS:
        touching = [r for r in rows.values() if r["first_date"] <= day <= r["last_date"]]
        longest = max((r["duration_s"] / 60 for r in touching), default=0)
        points = len(house.day_points(day))
        assert quality[day]["largest_gap_min"] == (longest if points else None), day
        assert quality[day]["state"] == ("complete" if points else "provisional")


def test_faults_are_cut_at_the_ends_of_local_months(house):
    rows = house.owner.sql("FROM events_summary")
    found = {(row["event"], row["month"]): row for row in rows}
    may, june = (found["PV Over Voltage", date(2024, month, 1)] for month in (5, 6))
    # Local months begin an hour before those of UTC in summer.
    assert (may["events"], may["hours"]) == (2, pytest.approx(37 + 0.25))
    assert (june["events"], june["hours"]) == (1, pytest.approx(31.5))
    assert (june["open_events"], june["is_complete"], june["is_final"]) == (0, True, True)
    untrue = found["Battery Temperature Too Low", date(2024, 6, 1)]
    assert (untrue["events"], untrue["hours"]) == (1, None)
    hot = {row["month"].month: row["hours"] for row in rows if row["event"] == "Inverter Too Hot"}
    assert hot == {3: 0.5, 4: 0.5}
    october, november = (found["Grid Voltage Too High", date(2024, m, 1)] for m in (10, 11))
    assert (october["hours"], november["hours"]) == (54, 720)
    for row in (october, november):
        assert (row["open_events"], row["is_complete"], row["is_final"]) == (1, True, False)
        assert row["last_ended_at"] is None


def test_the_present_is_that_of_the_latest_reading(house):
    (row,) = house.owner.sql("FROM site_now")
    (system,) = house.owner.sql("FROM inverter_system_readings ORDER BY time DESC LIMIT 1")
    (meter,) = house.owner.sql("FROM inverter_meter_readings ORDER BY time DESC LIMIT 1")
    assert system["time"] > house.points[-1]["time"]
    assert (row["time"], row["source"]) == (system["time"], "inverter_system_readings")
    for name in ("solar_power_w", "grid_power_w", "battery_power_w", "battery_percent"):
        assert row[name] == system[name]
    assert (row["energy_time"], row["today_solar_kwh"]) == (meter["time"], meter["today_solar_kwh"])
    assert (row["role"], row["site"]) == ("whole_site", "70001")


def test_days_are_local(house):
    for day in (SPRING, AUTUMN):
        first, last = house.day_points(day)[0]["time"], house.day_points(day)[-1]["time"]
        assert first.astimezone(LONDON).date() == last.astimezone(LONDON).date() == day
