"""`givlake plan` counts what the `givlake backfill` after it requests, and changes nothing."""

import json
from datetime import timedelta

import pytest

from pipelines.cli.plan_command import time_range

DAY = timedelta(days=1)
# As an owner with one of everything has it; small pages, so that lists have several.
ACCOUNT = {
    "inverters": 2,
    "gateways": 1,
    "ev_chargers": 1,
    "ev_points_every_s": 1800,
    "ev_offline_rate": 0.0,
    "ems": 1,
    "smart_devices": 1,
    "smart_points_every_s": 7200,
    "rows_per_day": 12,
    "flow_gap_rate": 0.0,
    "page_size_caps": {
        "ev-meter-data": 40,
        "smart-device-data": 20,
        "charging-sessions": 4,
        # One request for each range of days.
        "inverter-meter-data": 20_000,
    },
}


def files_of(owner):
    """Return the content of every file of the data folder."""
    return {path: path.read_bytes() for path in owner.data.rglob("*") if path.is_file()}


def planned(owner, *arguments):
    """Return the plan as programs read it."""
    done = owner.givlake("plan", "--format", "json", *arguments)
    assert done.status == 0, done.output
    return json.loads(done.out)


def sent(sim, owner, *arguments):
    """Return the number of requests of a backfill."""
    sim.clear_requests()
    assert owner.givlake("backfill", *arguments).status in (0, 1)
    return len(sim.requests)


@pytest.mark.slow
def test_a_plan_counts_the_requests_of_every_dataset(simulate, own, today):
    sim = simulate(**ACCOUNT, commissioned=today - 40 * DAY)
    owner = own(sim, GIVLAKE_DATASETS="")
    plan = planned(owner)
    requests = plan["requests"]
    assert plan["total_requests"] == sum(requests.values())
    # The first page shows how many there are, and the commands of a charger what can be asked.
    assert requests["smart_device_readings"] >= 24
    assert requests["ev_charger_configuration"] == 13
    assert requests["inverter_data_points"] == 82
    # One page of each of the 31 days before the first session, three of each other one.
    assert requests["ev_meter_readings"] > 31 + 3 * 35
    assert sent(sim, owner) == pytest.approx(plan["total_requests"], rel=0.02)


@pytest.mark.slow
def test_a_plan_counts_what_a_partly_filled_folder_lacks(simulate, own, today):
    sim = simulate(**ACCOUNT, commissioned=today - 30 * DAY)
    owner = own(sim, GIVLAKE_DATASETS="")
    assert owner.givlake("backfill", "--start", today - 9 * DAY).status in (0, 1)
    plan = planned(owner)
    assert plan["requests"]["inverter_data_points"] == 2 * 21
    assert "ev_charging_sessions" not in plan["requests"]
    assert sent(sim, owner) == pytest.approx(plan["total_requests"], rel=0.02)


@pytest.mark.slow
def test_a_plan_finds_how_many_days_the_api_accepts_at_once(simulate, own, today):
    sim = simulate(inverters=1, gateways=0, flows_max_days=7, flow_gap_rate=0.0)
    owner = own(sim, GIVLAKE_DATASETS="energy_flows")
    plan = planned(owner, "--start", today - 69 * DAY, "--end", today)
    # 31 and 15 days are refused.
    assert plan["requests"]["energy_flows"] == 10
    flows = sum(request.path.endswith("/energy-flows") for request in sim.requests)
    assert flows == 3


def test_a_plan_changes_nothing_and_says_what_limits_it(simulate, own, today):
    sim = simulate(inverters=2, commissioned=today - 9 * DAY)
    owner = own(sim)
    before = files_of(owner)
    done = owner.givlake("plan")
    assert files_of(owner) == before
    # 20 days, the account, the list, and when the history of each begins.
    assert "About 24 requests, " in done.out
    # By what depends on the machine.
    assert "Limited by " in done.out
    assert sent(sim, owner) == 24


@pytest.mark.parametrize(
    ("least_s", "most_s", "said"),
    [
        (0, 4, "up to 5 seconds"),
        (12, 44, "10 to 45 seconds"),
        (31, 100, "up to 2 minutes"),
        (119, 121, "1 to 3 minutes"),
        (400, 1320, "6 to 22 minutes"),
        (3600, 7200, "1.0 to 2.0 hours"),
        (5000, 5500, "1.3 to 1.6 hours"),
    ],
)
def test_a_range_of_time_is_rounded_outwards(least_s, most_s, said):
    assert time_range(least_s, most_s) == said
