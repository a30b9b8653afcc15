"""The dates of device lists are hints: what is named is requested, what has data is found."""

from datetime import date, timedelta
from typing import Any

import pytest

from simulator import Simulator
from tests.support.device_lists import change_listed, commissioned, last_contact
from tests.support.simulator_truth import days_between, days_requested

pytestmark = pytest.mark.slow

POINTS = "inverter_data_points"
DAY = timedelta(days=1)


def flows_requested(sim: Simulator) -> int:
    """Return the number of requests for energy flows."""
    return sum("/energy-flows" in each.path for each in sim.requests)


@pytest.fixture
def old(simulate, today):
    """Simulate an inverter with 40 days of data whose list says it is 5 days old."""

    def simulated(**settings: Any) -> Any:
        begin = today - 40 * DAY
        sim = simulate(inverters=1, gateways=0, rows_per_day=288, commissioned=begin, **settings)
        change_listed(sim, commissioned(today - 5 * DAY))
        return sim

    return simulated


def test_history_before_a_replaced_communication_device_is_found(old, own, today):
    sim = old()
    owner = own(sim)
    done = owner.givlake("backfill")
    assert done.status == 0, done.output
    assert days_requested(sim) == days_between(today - 40 * DAY, today)
    # All months, then the days of the first month.
    assert flows_requested(sim) == 2
    sim.clear_requests()
    assert owner.givlake("backfill").status == 0
    assert (days_requested(sim), flows_requested(sim)) == ([], 0)


def test_history_is_found_year_by_year_where_long_ranges_are_refused(old, own, today):
    sim = old(flows_max_days=366)
    assert own(sim).givlake("backfill").status == 0
    assert days_requested(sim) == days_between(today - 40 * DAY, today)
    # Refused, the year before the list's date, its first month; refused, the year before that.
    assert flows_requested(sim) == 5


def test_energy_in_the_listed_month_shows_nothing_earlier(simulate, own, today):
    begin = (today - timedelta(days=45)).replace(day=20)
    sim = simulate(inverters=1, gateways=0, commissioned=begin, flows_max_days=366)
    assert own(sim).givlake("plan").status == 0
    # Refused, and the year before the commissioning; not the year before its month.
    assert flows_requested(sim) == 2


def test_a_plan_finds_the_same_history_and_changes_nothing(old, own, today):
    sim = old()
    owner = own(sim)
    planned = owner.givlake("plan")
    assert planned.status == 0, planned.output
    assert f"{today - 40 * DAY} to {today}" in planned.out
    assert "About 45 requests" in planned.out
    assert owner.sql("FROM requests") == []


def test_what_cannot_be_looked_up_is_said(old, own, today):
    sim = old(unavailable=frozenset({"energy-flows"}))
    done = own(sim).givlake("backfill")
    assert days_requested(sim) == days_between(today - 5 * DAY, today)
    assert "begins could not be looked up" in done.out
    assert "--start" in done.out


def test_named_days_are_requested_whatever_the_list_says(old, own, today):
    sim = old()
    owner = own(sim)
    start, end = today - 12 * DAY, today - 3 * DAY
    named = ("--start", start, "--end", end)
    planned = owner.givlake("plan", *named)
    assert "About 12 requests" in planned.out
    assert "7 device-days to fetch before the listed commissioning" in planned.out
    sim.clear_requests()
    done = owner.givlake("backfill", *named)
    assert f"{POINTS}: 10 device-days complete" in done.out
    assert days_requested(sim) == days_between(start, end)
    assert flows_requested(sim) == 0
    # They stay requested: the status counts them, and those between them and the list's dates.
    shown = owner.givlake("status", "--format", "json")
    assert '"complete": 10' in shown.out


def test_a_last_contact_that_is_out_of_date_ends_nothing(simulate, own, today):
    sim = simulate(inverters=1, gateways=0, rows_per_day=6, commissioned=date(2024, 1, 1))
    owner = own(sim)
    assert owner.givlake("backfill", "--start", today - 6 * DAY).status == 0
    # Thirty days ago, says the list from now on; the inverter still answers.
    change_listed(sim, last_contact(today - 30 * DAY))
    sim.clear_requests()
    assert owner.givlake("sync").status == 0
    assert days_requested(sim) == [today]


def test_days_between_a_last_contact_and_its_newest_data_are_found(simulate, own, today):
    begin = today - 20 * DAY
    sim = simulate(inverters=1, gateways=0, rows_per_day=288, commissioned=begin)
    change_listed(sim, last_contact(today - 9 * DAY))
    done = own(sim).givlake("backfill", "--device", sim.serials[0])
    assert done.status == 0, done.output
    assert days_requested(sim) == days_between(today - 20 * DAY, today)


def test_an_inverter_that_is_gone_but_listed_costs_few_requests(simulate, own, today):
    sim = simulate(inverters=1, gateways=0, rows_per_day=6, commissioned=date(2024, 1, 1))
    dead = today - 100 * DAY
    change_listed(sim, last_contact(dead))
    for day in days_between(today - 2 * DAY, today):
        sim.set_rows(sim.serials[0], day, [])
    owner = own(sim)
    for _ in range(3):
        assert owner.givlake("sync").status == 0
    # Yesterday and today, once each: not again with every sync.
    assert days_requested(sim) == days_between(today - DAY, today)


def test_an_inverter_that_is_listed_twice_has_the_days_of_both_entries(simulate, own, today):
    begin, replaced = today - 8 * DAY, today - 4 * DAY
    sim = simulate(inverters=1, gateways=0, rows_per_day=6, commissioned=begin)
    account = str(sim.account["id"])
    (entry,) = sim.truth_of("communication-device", account)
    new = commissioned(replaced)({**entry, "serial_number": "WF0000NEW0"})
    old = last_contact(replaced)(entry)
    for entries in ([old, new], [new, old]):
        sim.set_listing("communication-device", account, entries)
        sim.clear_requests()
        planned = own(sim).givlake("plan", "--end", today)
        assert f"{begin} to {today}" in planned.out, planned.output
        assert "About 12 requests" in planned.out
