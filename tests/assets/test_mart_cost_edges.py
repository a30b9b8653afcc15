"""Marts of costs and charging sessions where prices, standing charges or readings are missing."""

from datetime import date

import pytest

from tests.support.flow_rows import HALF_HOUR
from tests.support.mart_tables import DAY, at

MONDAY = date(2024, 6, 10)
TUESDAY = MONDAY + DAY
BOTH_DAYS = f"cost_between('flat', DATE '{MONDAY}', DATE '{TUESDAY}')"
CHARGER = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def priced(tables):
    """Return tables with a tariff in force, and an inverter that is expected."""
    tables.list_inverter("A")
    tables.expect("A", MONDAY)
    tables.cover("A", [MONDAY, TUESDAY])
    tables.insert("tariffs", tariff="flat", version=1, is_current=True)
    tables.insert("tariffs_in_force", tariff="flat", from_date=date(2024, 1, 1))
    return tables


def insert_prices(tables, day, first=0, last=47, export_pence=None):
    """Insert a price of 20 pence of half hours of a day."""
    rows = [
        {"tariff": "flat", "start_at": at(day) + number * HALF_HOUR, "import_pence": 20.0}
        | {"export_pence": export_pence}
        for number in range(first, last + 1)
    ]
    tables.insert_rows("tariff_prices", rows)


def insert_standing_charge(tables, day):
    tables.insert(
        "tariff_standing_charges", tariff="flat", local_date=day, standing_charge_pence=50.0
    )


def test_energies_of_zero_need_no_price_for_what_the_battery_saved(priced):
    insert_prices(priced, MONDAY)
    priced.insert_flows("A", MONDAY, 0, 0, battery_to_home=0.5)
    priced.insert_flows("A", MONDAY, 1, 1, grid_to_battery=0.5)
    priced.insert_flows("A", MONDAY, 2, 2, pv_to_battery=0.5)
    halves = priced.rows("FROM cost_half_hourly ORDER BY start_at")
    assert [half["export_pence"] for half in halves] == [None] * 3
    # Solar energy that is stored has the price of its export, which is unknown.
    assert [half["battery_saved_gbp"] for half in halves] == pytest.approx([0.1, -0.1, None])
    assert [half["saved_gbp"] for half in halves] == pytest.approx([0.1, -0.1, 0])


def test_what_the_battery_saved_in_a_day_is_unknown_if_it_is_in_a_half_hour_with_a_cost(priced):
    for day, stored in ((MONDAY, 0.5), (TUESDAY, 0.0)):
        insert_prices(priced, day, 0, 23, export_pence=10.0)
        insert_prices(priced, day, 24, 35)
        priced.insert_flows("A", day, 0, 23, battery_to_home=0.5, pv_to_grid=0.1)
        # Those from 18:00 on have no cost.
        priced.insert_flows("A", day, 24, 47, pv_to_battery=stored)
    days = priced.rows("FROM cost_daily ORDER BY local_date")
    assert [day["half_hours"] for day in days] == [36, 36]
    assert [day["battery_saved_gbp"] for day in days] == pytest.approx([None, 2.4])
    assert [day["saved_gbp"] for day in days] == pytest.approx([2.64, 2.64])
    month = priced.row("FROM cost_monthly")
    assert month["saved_gbp"] == pytest.approx(5.28)


@pytest.mark.parametrize(
    "mart", ["cost_monthly", "cost_what_if", BOTH_DAYS], ids=["monthly", "what if", "between"]
)
def test_standing_charges_are_those_of_days_with_a_cost(priced, mart):
    insert_prices(priced, MONDAY)
    for day in (MONDAY, TUESDAY):
        insert_standing_charge(priced, day)
        priced.insert_flows("A", day, grid_to_home=0.5)
    row = priced.row(f"FROM {mart}")
    costs = [row[f"{name}_gbp"] for name in ("import_cost", "standing_charge", "net_cost")]
    assert costs == pytest.approx([4.8, 0.5, 5.3])
    assert row["is_complete"] is False


@pytest.mark.parametrize("mart", ["cost_what_if", BOTH_DAYS], ids=["what if", "between"])
def test_costs_are_not_complete_without_the_standing_charge_of_each_day(priced, mart):
    for day in (MONDAY, TUESDAY):
        insert_prices(priced, day)
        priced.insert_flows("A", day, grid_to_home=0.5)
    for charged, is_complete in ((MONDAY, False), (TUESDAY, True)):
        insert_standing_charge(priced, charged)
        row = priced.row(f"FROM {mart}")
        assert (row["half_hours"], row["import_cost_gbp"]) == (96, pytest.approx(9.6))
        assert row["is_complete"] is is_complete


@pytest.mark.parametrize(("last", "is_final"), [(46, False), (47, True)])
def test_the_cost_of_a_day_is_not_final_while_half_hours_are_missing(priced, last, is_final):
    insert_prices(priced, MONDAY)
    insert_standing_charge(priced, MONDAY)
    priced.insert_flows("A", MONDAY, last=last, grid_to_home=0.5)
    day = priced.row("FROM cost_daily")
    assert (day["half_hours"], day["half_hours_expected"]) == (last + 1, 48)
    assert (day["is_complete"], day["is_final"]) == (is_final, is_final)


@pytest.mark.parametrize(("capital_cost", "repaid"), [(0, None), (96, 0.1)])
def test_no_share_of_a_cost_of_nothing_is_repaid(priced, capital_cost, repaid):
    insert_prices(priced, MONDAY)
    priced.insert_flows("A", MONDAY, pv_to_home=1.0)
    site = priced.row(f"FROM payback({capital_cost})")
    assert (site["saved_gbp"], site["days"]) == (pytest.approx(9.6), 1)
    assert site["repaid_share"] == pytest.approx(repaid)


@pytest.mark.parametrize("false_kwh", [0.0, 90.0, 108.0, 9000.0, None])
def test_a_false_reading_of_the_register_moves_no_energy_of_a_session(tables, false_kwh):
    start, stop = at(MONDAY, 10), at(MONDAY, 12)
    tables.insert(
        "ev_charging_sessions",
        charger_uuid=CHARGER,
        started_at=start,
        stopped_at=stop,
        has_ended=True,
        duration_s=7200.0,
        local_date=MONDAY,
        meter_start_kwh=100.0,
        meter_stop_kwh=107.0,
        energy_kwh=7.0,
        energy_source="difference",
    )
    readings = [(10.5, 102.0), (11, 104.0)]
    if false_kwh is not None:
        readings.append((11.5, false_kwh))
    for hour, kwh in readings:
        tables.insert(
            "ev_meter_readings",
            charger_uuid=CHARGER,
            meter_id=0,
            measurand=4,
            time=at(MONDAY, hour),
            value_normalised=1000 * kwh,
        )
    halves = tables.rows("FROM ev_session_half_hours ORDER BY start_at")
    assert [half["energy_kwh"] for half in halves] == pytest.approx([2, 2, 1.5, 1.5])
    assert {half["source"] for half in halves} == {"ev_meter_readings"}
