"""The time of a plan: what the API allows, and what machine and connection do."""

from importlib import resources

import duckdb
import pytest

from givenergy.budget.request_budget import BudgetSnapshot, Priority
from pipelines.estimates.time_estimate import (
    Limit,
    Speed,
    estimate_time,
    measure_load,
    measure_slowness,
)


def budget(limit=300, used=0, resets_in_s=None, reserve=0):
    return BudgetSnapshot(
        limit=limit,
        window_s=60.0,
        reserve=reserve,
        used_by_us=used,
        used_by_others=0,
        others_expected=0,
        in_flight=0,
        waiting=dict.fromkeys(Priority, 0),
        window_resets_in_s=resets_in_s,
        paused_for_s=0.0,
        host_down_for_s=None,
        next_probe_in_s=None,
    )


REFERENCE = Speed(slowness=1.0, load=1.0, latency_s=0.0, connections=8)


def test_the_api_limits_a_usual_machine():
    found = estimate_time(777, budget(), REFERENCE)
    assert (found.limit, found.per_minute) == (Limit.API, 300)
    # One window must end, and the next one, before the last requests.
    assert found.least_s >= 120
    assert 120 < found.most_s < 300


def test_requests_of_the_present_window_count():
    used = estimate_time(777, budget(used=300, resets_in_s=50.0), REFERENCE)
    free = estimate_time(777, budget(), REFERENCE)
    assert used.least_s - free.least_s == pytest.approx(50.0)


def test_a_slow_or_busy_machine_limits():
    slow = estimate_time(2301, budget(), Speed(20.0, 1.0, 0.0, 8))
    assert (slow.limit, slow.per_minute) == (Limit.MACHINE, 86)
    assert slow.least_s < 2301 / 86 * 60 < slow.most_s
    busy = estimate_time(2301, budget(), Speed(5.0, 4.0, 0.0, 8))
    assert busy.per_minute == slow.per_minute
    # What else the machine does may end.
    assert busy.least_s < slow.least_s


def test_a_slow_connection_limits():
    found = estimate_time(1000, budget(), Speed(1.0, 1.0, 6.0, 8))
    assert (found.limit, found.per_minute) == (Limit.CONNECTION, 80)
    assert found.least_s < 750 < found.most_s


def test_earlier_runs_show_how_long_it_may_take_but_not_why():
    """A reserve or other programs may have limited them, and not the machine."""
    found = estimate_time(600, budget(), Speed(1.0, 1.0, 0.0, 8, earlier_per_minute=60.0))
    reference = estimate_time(600, budget(), REFERENCE)
    assert (found.limit, found.per_minute) == (Limit.API, 300)
    assert found.least_s == reference.least_s
    assert 600 < found.most_s < 900
    # A rate near the limit shows only that the machine was not slower.
    fast = estimate_time(600, budget(), Speed(1.0, 1.0, 0.0, 8, earlier_per_minute=280.0))
    assert fast == estimate_time(600, budget(), REFERENCE)


@pytest.mark.parametrize(
    ("responses_by_minute", "found"),
    [
        # The first and the last minute of a run are not whole ones.
        ([10, 60, 70, 80, 5], (70.0, 3)),
        # Single polls show no rate.
        ([9, 0, 9, 0, 0, 9], (None, 0)),
    ],
)
def test_the_rate_of_earlier_runs_is_that_of_their_inner_minutes(responses_by_minute, found):
    sql = resources.files("pipelines.estimates").joinpath("sql/requests_per_minute.sql")
    with duckdb.connect() as connection:
        connection.sql(
            "CREATE TABLE requests (outcome VARCHAR, fetched_at TIMESTAMPTZ, source VARCHAR)"
        )
        for minute, responses in enumerate(responses_by_minute):
            connection.execute(
                "INSERT INTO requests SELECT 'ok', date_trunc('minute', now()) - interval 1 day"
                " + to_minutes($minute), 'api' FROM range($responses)",
                {"minute": minute, "responses": responses},
            )
        assert connection.sql(sql.read_text()).fetchall() == [found]


def test_nothing_to_request_takes_no_time():
    assert estimate_time(0, budget(), REFERENCE).most_s == 0.0


def test_this_machine_can_be_measured():
    assert measure_slowness() > 0
    assert measure_load() >= 1
