"""Marts of batteries, periods and faults where versions change or days are unknown."""

from datetime import date

import pytest

from tests.support.mart_tables import COUNTERS, DAY, at, days_from

JUNE = date(2024, 6, 1)
MONDAY = date(2024, 6, 10)
TUESDAY = MONDAY + DAY
COUNTED = dict.fromkeys(COUNTERS, 5.0)


def test_a_battery_has_the_capacity_of_the_version_of_its_inverter_of_the_day(tables):
    change = at(date(2024, 6, 15))
    battery = {"battery_nominal_voltage_v": 50.0, "battery_depth_of_discharge": 0.8}
    first, second = ({"battery_nominal_capacity_ah": ah, **battery} for ah in (100.0, 200.0))
    tables.list_inverter("A", valid_from=at(date(2024, 6, 12)), valid_to=change, **first)
    tables.list_inverter("A", valid_from=change, **second)
    for day in (MONDAY, date(2024, 6, 13), date(2024, 6, 20)):
        tables.insert_flows("A", day, battery_to_home=0.1)
    days = tables.rows("FROM battery_daily ORDER BY local_date")
    # The oldest version holds before it, too.
    assert [day["nominal_kwh"] for day in days] == pytest.approx([4, 4, 8])
    assert [day["cycles"] for day in days] == pytest.approx([1.2, 1.2, 0.6])


def insert_battery_month(tables, run_days):
    """Insert a June of 5 kWh in and out a day, of which some show a capacity of 10 kWh."""
    run = (
        (1.5, 30.0, 0.0, 0.0),
        (2, 90.0, 5.0, 0.0),
        (12, 50.0, 5.0, 4.0),
        (23.75, 40.0, 5.0, 5.0),
    )
    even = ((1.5, 40.0, 0.0, 0.0), (23.75, 40.0, 5.0, 5.0))
    for number, day in enumerate(days_from(JUNE, 30)):
        for hour, percent, charge, discharge in run if number < run_days else even:
            counters = dict.fromkeys(COUNTERS, 0.0) | {
                "today_battery_charge_kwh": charge,
                "today_battery_discharge_kwh": discharge,
            }
            tables.insert_points("A", day, [hour], battery_percent=percent, **counters)


@pytest.mark.parametrize(
    ("runs", "usable_kwh", "round_trip"), [(0, None, None), (4, None, None), (5, 10, 151 / 150)]
)
def test_a_round_trip_is_unknown_below_five_runs(tables, runs, usable_kwh, round_trip):
    insert_battery_month(tables, runs)
    (month,) = tables.rows("FROM battery_health")
    assert (month["runs"], month["days"]) == (runs, 30)
    assert month["usable_kwh"] == pytest.approx(usable_kwh)
    # The month ends with 1 kWh more in the battery than it began with: 10 % of 10 kWh.
    assert month["round_trip"] == pytest.approx(round_trip)


def test_the_capacity_of_all_modules_is_unknown_if_that_of_one_is(tables):
    insert_battery_month(tables, 0)
    listed = {"inverter_serial": "A", "valid_from": at(JUNE), "nominal_voltage_v": 50.0}
    tables.insert("batteries", serial_number="M1", capacity_full_ah=100.0, **listed)
    tables.insert("batteries", serial_number="M2", capacity_full_ah=60.0, **listed)
    (month,) = tables.rows("FROM battery_health")
    assert month["bms_kwh"] == 8
    tables.insert("batteries", serial_number="M3", capacity_full_ah=None, **listed)
    (month,) = tables.rows("FROM battery_health")
    assert month["bms_kwh"] is None


def test_a_typical_day_weighs_each_mean_by_the_days_that_have_it(tables):
    mondays = [MONDAY, *(MONDAY + week * 7 * DAY for week in (1, 2))]
    for day, home in zip([*mondays, TUESDAY], [1000.0, None, None, 400.0], strict=True):
        tables.insert_points("A", day, [12], consumption_power_w=home, solar_power_w=800.0)
    half_hour = tables.row("FROM typical_day(6)")
    assert (half_hour["home_mean_w"], half_hour["solar_mean_w"]) == (700, 800)
    assert half_hour["battery_mean_percent"] is None
    assert half_hour["days"] == 4


def test_a_fault_that_ends_at_midnight_of_the_first_is_not_in_the_new_month(tables):
    tables.expect("A", JUNE, zone="Europe/London")
    midnight = at(date(2024, 6, 30), 23)
    for event, started in (("Over it", at(date(2024, 6, 30), 20)), ("At it", midnight)):
        tables.insert(
            "inverter_events",
            inverter_serial="A",
            event=event,
            started_at=started,
            ended_at=midnight,
            duration_s=(midnight - started).total_seconds(),
            has_ended=True,
        )
    months = tables.rows("FROM events_summary ORDER BY event")
    assert [(row["event"], row["month"], row["hours"], row["events"]) for row in months] == [
        ("At it", date(2024, 7, 1), 0, 1),
        ("Over it", JUNE, 3, 1),
    ]
    assert [row["is_final"] for row in months] == [True, True]


def test_all_flows_are_those_of_few_of_the_days_with_data(tables):
    tables.list_inverter("A")
    tables.expect("A", JUNE)
    for day in days_from(JUNE, 30):
        tables.insert_points("A", day, [12], **COUNTED)
    for day in days_from(MONDAY, 10):
        tables.insert_flows("A", day, pv_to_home=0.1, grid_to_home=0.1)
    rows = tables.rows("FROM self_sufficiency WHERE period = 'all'")
    assert sorted(row["device_kind"] for row in rows) == ["inverter", "site"]
    for row in rows:
        assert (row["days"], row["days_expected"], row["is_complete"]) == (10, 30, False)
        ratios = (row["self_sufficiency"], row["own_solar"], row["self_consumption"])
        assert ratios == (None, None, None)


@pytest.mark.parametrize(
    ("discharge", "own_solar"), [(0.1, None), (0.0, 0.5)], ids=["discharged", "not discharged"]
)
def test_own_solar_is_unknown_if_nothing_is_known_of_what_charged_the_battery(
    tables, discharge, own_solar
):
    flows = {"pv_to_home": 0.1, "battery_to_home": discharge}
    tables.insert_flows("A", MONDAY, **flows | {"grid_to_home": 0.1 - discharge})
    day = tables.row("FROM self_sufficiency WHERE period = 'day' AND device_kind = 'inverter'")
    assert day["own_solar"] == own_solar
    assert day["home_kwh"] == 9.6
