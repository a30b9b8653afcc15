"""From a token to rows: what a backfill asks for, what lands, and what the next one leaves out."""

from datetime import date, timedelta

import pytest

from tests.support.clock import at_moments
from tests.support.simulator_truth import assert_same, days_between, expected_rows, repeated_times


def test_everything_lands_with_the_fewest_requests_and_is_requested_once(simulate, own):
    sim = simulate()
    owner = own(sim)
    days = days_between(date(2025, 5, 29), date(2025, 6, 3))
    asked = ("backfill", "--start", days[0], "--end", days[-1])

    planned = owner.givlake("plan", *asked[1:])
    assert planned.status == 0
    assert "About 20 requests" in planned.out
    assert len(sim.requests) == 2  # The account, once, and the device list.

    sim.clear_requests()
    done = owner.givlake(*asked)
    assert done.status == 0
    assert "18 device-days complete" in done.out
    wanted = [f"/v1/inverter/{serial}/data-points/{day}" for serial in sim.serials for day in days]
    assert sorted(request.path for request in sim.requests) == sorted(
        ["/v1/account", "/v1/communication-device", *wanted]  # the plan has noted nothing
    )
    assert_same(owner.rows(), expected_rows(sim, sim.serials, days))
    repeated = repeated_times(sim, sim.serials, days)
    assert owner.sql("SELECT reason, count(*) AS n FROM quarantine GROUP BY 1") == [
        {"reason": "duplicate_key", "n": repeated}
    ]
    assert f"{repeated} rows quarantined; see `givlake quarantine`." in done.out
    assert owner.states()["complete"] == 18

    sim.clear_requests()
    again = owner.givlake(*asked)
    assert again.status == 0
    assert [request.path for request in sim.requests] == ["/v1/communication-device"]

    sim.clear_requests()
    one = ("--device", sim.serials[0], "--end", days[-1], "--start", days[-2])
    assert owner.givlake("backfill", *one, "--refetch").status == 0
    assert len(sim.requests) == 3
    assert_same(owner.rows(), expected_rows(sim, sim.serials, days))


@pytest.mark.slow
def test_days_of_a_charger_that_its_owner_names_are_requested(simulate, own, today):
    """Days before anything known of a charger were called there without a request."""
    sim = simulate(inverters=1, ev_chargers=1, ev_points_every_s=3600, ev_offline_rate=0.0)
    owner = own(sim, GIVLAKE_DATASETS="ev_meter_readings")
    day = today - timedelta(days=90)
    done = owner.givlake("backfill", "--dataset", "ev_meter_readings", "--start", day, "--end", day)
    assert "ev_meter_readings: 1 device-day complete" in done.out
    (found,) = owner.sql("SELECT count(*) AS rows, min(local_date) AS day FROM ev_meter_readings")
    assert found["rows"] > 24
    assert found["day"] == day


@pytest.mark.slow
@at_moments(
    "spring, after the skipped hour",
    "autumn, the first hour of the day",
    "a month's first minutes, in UTC still its last day",
    "a day of 29 February",
    "the last minutes of a year",
)
def test_a_plan_counts_the_days_until_the_accounts_own_today(simulate, own, today):
    sim = simulate(inverters=2, commissioned=today - timedelta(days=9))
    planned = own(sim).givlake("plan")
    assert planned.status == 0, planned.output
    assert "About 24 requests" in planned.out
    # The account, the list, and when the history of each inverter begins.
    assert len(sim.requests) == 4
