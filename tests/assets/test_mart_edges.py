"""Marts of sites, days and half hours where members, counters, powers or answers are missing."""

from datetime import date

import pytest

from tests.support.flow_rows import HALF_HOUR
from tests.support.mart_tables import COUNTERS, DAY, at, days_from

JUNE = date(2024, 6, 1)
MONDAY = date(2024, 6, 10)
TUESDAY = MONDAY + DAY
# Points each quarter of an hour, and five minutes before midnight.
ALL_DAY = [*(number / 4 for number in range(96)), 23 + 55 / 60]
POWERS = {"solar_power_w": 0.0, "grid_power_w": -400.0, "battery_power_w": 0.0}
# As `coverage` has days that are expected, but were not fetched.
NOT_REQUESTED = dict.fromkeys(("energy_flows", "inverter_data_points"), "not_requested")
COUNTED = dict.fromkeys(COUNTERS, 5.0)


def roles(tables, day=MONDAY):
    sql = f"SELECT inverter_serial, role FROM site_members WHERE local_date = '{day}'"
    return {row["inverter_serial"]: row["role"] for row in tables.rows(sql)}


def site_day(tables, day=MONDAY):
    return tables.row(f"FROM site_daily WHERE local_date = '{day}'")


def balance(tables, day=MONDAY):
    sql = f"FROM half_hourly_balance WHERE local_date = '{day}' ORDER BY start_at"
    return tables.rows(sql)


@pytest.mark.slow_but_first
@pytest.mark.parametrize("state", ["not_requested", "failed", "partial", "not_built", "forbidden"])
def test_an_inverter_that_was_not_fetched_yet_is_a_member_of_its_site(tables, state):
    for serial in ("A", "B"):
        tables.list_inverter(serial)
        tables.expect(serial, JUNE)
    tables.cover("A", [MONDAY])
    tables.cover("B", days_from(JUNE, 20), energy_flows=state, inverter_data_points=state)
    tables.insert_flows("A", MONDAY, grid_to_home=0.1, pv_to_home=0.2)
    assert roles(tables) == {"A": "member", "B": "member"}
    site = site_day(tables)
    assert (site["members"], site["members_present"]) == (2, 1)
    assert (site["grid_is_certain"], site["is_complete"], site["is_final"]) == (False, False, False)
    assert (site["import_kwh"], site["solar_kwh"], site["home_kwh"]) == (None, None, None)
    halves = tables.rows(f"FROM site_half_hourly WHERE local_date = '{MONDAY}'")
    assert len(halves) == 48
    assert {(row["import_kwh"], row["solar_kwh"], row["is_complete"]) for row in halves} == {
        (None, None, False)
    }


def test_an_inverter_is_no_member_before_it_is_expected(tables):
    for serial, first in (("A", JUNE), ("B", TUESDAY)):
        tables.list_inverter(serial)
        tables.expect(serial, first)
    tables.cover("A", [MONDAY, TUESDAY])
    tables.cover("B", [TUESDAY], **NOT_REQUESTED)
    for day in (MONDAY, TUESDAY):
        tables.insert_flows("A", day, grid_to_home=0.1)
    assert (roles(tables), site_day(tables)["import_kwh"]) == ({"A": "whole_site"}, 4.8)
    assert (len(roles(tables, TUESDAY)), site_day(tables, TUESDAY)["import_kwh"]) == (2, None)


def test_days_before_any_data_of_the_folder_have_no_members(tables):
    tables.list_inverter("A")
    tables.expect("A", JUNE)
    tables.cover("A", days_from(JUNE, 9), **NOT_REQUESTED)
    tables.cover("A", [MONDAY])
    tables.insert_flows("A", MONDAY, grid_to_home=0.1)
    first = tables.row("SELECT min(local_date) AS day FROM site_members")
    assert first["day"] == MONDAY


def test_an_inverter_is_not_the_whole_site_before_the_gateway_was_fetched(tables):
    for serial, model, first in (("AIO", "All in one", MONDAY), ("G", "Gateway", TUESDAY)):
        tables.list_inverter(serial, model=model)
        tables.expect(serial, JUNE)
        days = [day for day in (MONDAY, TUESDAY) if day >= first]
        tables.cover(serial, days)
        if serial == "G":
            tables.cover(serial, [MONDAY], **NOT_REQUESTED)
        for day in days:
            tables.insert_flows(serial, day, grid_to_home=0.1 if serial == "G" else 0.3)
    assert roles(tables)["AIO"] != "whole_site"
    monday = site_day(tables)
    assert (monday["import_kwh"], monday["is_complete"]) == (None, False)
    assert roles(tables, TUESDAY) == {"AIO": "ignored", "G": "whole_site"}
    tuesday = site_day(tables, TUESDAY)
    assert (tuesday["import_kwh"], tuesday["is_complete"]) == (4.8, True)


def test_another_inverter_that_is_set_as_the_whole_site_replaces_the_gateway(tables):
    for serial, model, kwh in (("AIO", "All in one", 0.3), ("G", "Gateway", 0.1)):
        tables.list_inverter(serial, model=model)
        tables.expect(serial, MONDAY)
        tables.cover(serial, [MONDAY])
        tables.insert_flows(serial, MONDAY, grid_to_home=kwh)
    assert roles(tables) == {"AIO": "ignored", "G": "whole_site"}
    tables.insert("device_roles_set", device_id="AIO", role="whole_site")
    assert roles(tables) == {"AIO": "whole_site", "G": "ignored"}
    site = site_day(tables)
    assert (site["members"], site["grid_is_certain"], site["import_kwh"]) == (1, True, 14.4)


def test_a_member_that_is_set_beside_a_gateway_is_added(tables):
    for serial, model in (("AIO", "All in one"), ("G", "Gateway")):
        tables.list_inverter(serial, model=model)
        tables.expect(serial, MONDAY)
        tables.cover(serial, [MONDAY])
        tables.insert_flows(serial, MONDAY, pv_to_home=0.1, grid_to_home=0.2)
    tables.insert("device_roles_set", device_id="AIO", role="member")
    assert roles(tables) == {"AIO": "member", "G": "whole_site"}
    site = site_day(tables)
    assert (site["members"], site["solar_kwh"], site["import_kwh"]) == (2, 9.6, 9.6)


def test_an_inverter_belongs_to_the_site_of_its_version_of_the_day(tables):
    change = at(date(2024, 6, 15))
    days = (MONDAY, date(2024, 6, 13), date(2024, 6, 20))
    for serial, later in (("A", 2), ("B", None)):
        tables.list_inverter(serial, valid_from=at(date(2024, 6, 12)), valid_to=change)
        tables.list_inverter(serial, site_id=later, valid_from=change)
        tables.expect(serial, MONDAY)
        for day in days:
            tables.insert_flows(serial, day, grid_to_home=0.1)
    sql = "SELECT inverter_serial, local_date, site FROM site_members"
    sites = {(row["inverter_serial"], row["local_date"]): row["site"] for row in tables.rows(sql)}
    # The oldest version holds before it, too; an inverter without a site is one of its own.
    assert [sites["A", day] for day in days] == ["1", "1", "2"]
    assert [sites["B", day] for day in days] == ["1", "1", "B"]
    now = {row["inverter_serial"]: row["site"] for row in tables.rows("FROM device_roles")}
    assert now == {"A": "2", "B": "B"}


def test_counters_that_end_at_noon_are_not_those_of_the_whole_day(tables):
    tables.cover("A", [MONDAY, TUESDAY])
    tables.insert_points("A", MONDAY, [hour for hour in ALL_DAY if hour < 12], **COUNTED)
    tables.insert_points("A", MONDAY, [hour for hour in ALL_DAY if hour >= 12])
    tables.insert_points("A", TUESDAY, ALL_DAY, **COUNTED)
    noon, whole = tables.rows("FROM daily_energy ORDER BY local_date")
    assert (noon["import_kwh"], noon["is_complete"]) == (5, False)
    assert noon["last_point_at"] == at(MONDAY, ALL_DAY[-1])
    assert (whole["import_kwh"], whole["is_complete"]) == (5, True)


@pytest.mark.parametrize("unknown", COUNTERS[:5])
def test_flows_deviate_by_an_unknown_energy_if_a_counter_is_unknown(tables, unknown):
    for day, counters in ((MONDAY, COUNTED), (TUESDAY, COUNTED | {unknown: None})):
        tables.insert_flows("A", day, pv_to_home=0.1)
        tables.insert_points("A", day, ALL_DAY, **counters)
    days = tables.rows("SELECT deviation_kwh FROM daily_energy ORDER BY local_date")
    assert [day["deviation_kwh"] for day in days] == [5, None]


@pytest.mark.parametrize(
    ("state", "is_final"),
    [
        ("complete", True),
        ("empty", True),
        (None, True),
        ("failed", False),
        ("not_requested", False),
        ("provisional", False),
    ],
)
def test_derived_half_hours_are_final_unless_flows_can_still_come(tables, state, is_final):
    tables.expect("A", MONDAY)
    tables.cover("A", [MONDAY], energy_flows=state)
    tables.insert_points("A", MONDAY, ALL_DAY, **POWERS)
    halves = balance(tables)
    assert len(halves) == 47
    assert {(row["source"], row["is_final"]) for row in halves} == {
        ("inverter_data_points", is_final)
    }


def test_a_half_hour_of_a_site_is_not_final_while_a_member_lacks_it(tables):
    for serial, last in (("A", 47), ("B", 23)):
        tables.list_inverter(serial)
        tables.expect(serial, MONDAY)
        tables.cover(serial, [MONDAY])
        tables.insert_flows(serial, MONDAY, last=last, pv_to_home=0.1)
    halves = tables.rows("FROM site_half_hourly ORDER BY start_at")
    assert [row["is_complete"] for row in halves] == [True] * 24 + [False] * 24
    assert [row["is_final"] for row in halves] == [True] * 24 + [False] * 24


def test_an_energy_that_one_member_does_not_know_is_unknown_of_the_site(tables):
    tables.insert("device_roles_set", device_id="A", role="grid_meter")
    for serial, solar in (("A", 5.0), ("B", None)):
        tables.list_inverter(serial)
        tables.expect(serial, MONDAY)
        tables.insert_points(serial, MONDAY, ALL_DAY, **COUNTED | {"today_solar_kwh": solar})
    site = site_day(tables)
    assert (site["members"], site["members_present"]) == (2, 2)
    assert (site["solar_kwh"], site["charge_kwh"], site["discharge_kwh"]) == (None, 10, 10)
    assert (site["import_kwh"], site["export_kwh"]) == (5, 5)


def test_an_energy_of_a_half_hour_that_one_member_does_not_know_is_unknown_of_the_site(tables):
    for serial, solar in (("A", 0.1), ("B", None)):
        tables.list_inverter(serial)
        tables.expect(serial, MONDAY)
        tables.insert_flows(serial, MONDAY, 20, 20, pv_to_home=solar)
    (half,) = tables.rows("FROM site_half_hourly")
    assert (half["solar_kwh"], half["is_complete"], half["is_final"]) == (None, False, False)


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    ("power", "counters"),
    [
        ("battery_power_w", ("today_battery_charge_kwh",)),
        ("battery_power_w", ("today_battery_discharge_kwh",)),
        ("solar_power_w", ("today_solar_kwh",)),
        ("battery_power_w", ()),
        ("solar_power_w", ()),
    ],
)
def test_a_power_that_is_unknown_while_its_counter_grows_is_not_zero(tables, power, counters):
    for number, hour in enumerate(ALL_DAY):
        grown = dict.fromkeys(COUNTERS, 0.0) | dict.fromkeys(counters, round(number / 10, 1))
        tables.insert_points("A", MONDAY, [hour], **POWERS | {power: None}, **grown)
    halves = tables.rows("FROM half_hourly_balance_from_points")
    # Without a counter that grows, the inverter has no battery, or no PV.
    assert len(halves) == (0 if counters else 47)
    assert len(balance(tables)) == len(halves)
    assert {(row["solar_kwh"], row["charge_kwh"], row["discharge_kwh"]) for row in halves} <= {
        (0, 0, 0)
    }


@pytest.mark.parametrize("power", ["battery_power_w", "solar_power_w"])
def test_what_an_inverter_lacks_shows_in_the_whole_day_also_around_midnight(tables, power):
    hours = [(5 + 10 * number) / 60 for number in range(144)]
    tables.insert_points("A", MONDAY, hours, **POWERS | {power: 600.0})
    # On Tuesday, the day with flows, the power is unknown until 00:30 only.
    tables.insert_points("A", TUESDAY, hours[:3], **POWERS | {power: None})
    tables.insert_points("A", TUESDAY, hours[3:], **POWERS | {power: 600.0})
    tables.insert_flows("A", TUESDAY, grid_to_home=0.2)
    # From 23:55 to 00:35 is too long for a step.
    known = [at(MONDAY) + number * HALF_HOUR for number in range(1, 47)]
    derived = (
        f"FROM half_hourly_balance_from_points WHERE local_date = '{MONDAY}' ORDER BY start_at"
    )
    for halves in (tables.rows(derived), balance(tables)):
        assert [row["start_at"] for row in halves] == known
        assert [row["home_kwh"] for row in halves] == pytest.approx([0.5] * 46)
