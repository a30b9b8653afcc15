"""What the account lacks is one line in every command, and so is what a scope would permit."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from assets.account_children import DATASET as ACCOUNT_CHILDREN
from pipelines.health.freshness import freshness
from pipelines.settings import load_settings
from simulator import TokenGrant
from tests.support import clock

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
LACKING = "Not offered by this account: account_children, inverter_grid_meter_readings"


def test_what_an_account_lacks_is_one_line_in_each_command_and_asked_again_weekly(
    simulate, own, today
):
    """Up to eight lines advised to compare with a list that the same command had printed."""
    sim = simulate(inverters=2, commissioned=today - 30 * DAY, api_version="1.26")
    datasets = "account_children,ems_readings,inverter_grid_meter_readings,inverter_data_points"
    owner = own(sim, GIVLAKE_DATASETS=datasets)
    first = owner.givlake("backfill", "--start", today - 2 * DAY, "--end", today - DAY)
    assert first.status == 0, first.out
    assert f"{LACKING} (asked again by the next command, then weekly).\n" in first.out
    now = datetime.now(UTC)
    with clock.at(now + timedelta(hours=2)):
        assert f"{LACKING} (asked again weekly).\n" in owner.givlake("sync").out
    with clock.at(now + timedelta(hours=3)):
        for command in ("status", "doctor", "sync"):
            done = owner.givlake(command)
            assert done.out.count(f"{LACKING} (asked again weekly).\n") == 1, done.out
            # No advice to look at what another command prints; nothing of an EMS that is not there.
            assert "Compare" not in done.out
            assert "/ems/" not in done.out
        (told,) = (
            part
            for part in json.loads(owner.givlake("status", "--format", "json").out)
            if part["dataset"] == "account_children"
        )
        assert [each["cause"] for each in told["refusals"]] == ["not_offered"]
    asked = {}
    for days in (2, 8):
        with clock.at(now + days * DAY):
            sim.clear_requests()
            owner.givlake("sync")
            paths = [request.path for request in sim.requests]
            asked[days] = sum(p.endswith(("/meter/data", "/account-children")) for p in paths)
    assert asked == {2: 0, 8: 2}


def test_a_clock_that_went_back_a_little_makes_no_failure_of_a_refusal_and_no_request(
    simulate, own, today
):
    """A corrected clock goes back by parts of a second from response to response."""
    sim = simulate(inverters=1, commissioned=today - 3 * DAY)
    owner = own(sim, GIVLAKE_DATASETS="account_children,inverter_data_points")
    assert owner.givlake("backfill", "--start", today - DAY, "--end", today - DAY).status == 0
    with owner.lake() as lake:
        for key, subject, step_s in (
            ("unavailable", ("account_children", ""), -1),
            ("account_zone_sent", (), 90),
        ):
            stored = lake.state.get(key)
            found = stored
            for name in subject:
                found = found[name]
            found["at"] = f"{datetime.fromisoformat(found['at']) + timedelta(seconds=step_s)}"
            lake.state.set(key, stored)
        with owner.environment_set():
            (fresh,) = freshness(lake, [ACCOUNT_CHILDREN], load_settings())
        assert fresh.settled, fresh.problems
    sim.clear_requests()
    assert owner.givlake("backfill", "--start", today - DAY, "--end", today - DAY).status == 0
    paths = [request.path.rpartition("/")[2] for request in sim.requests]
    assert sorted(paths) == ["account-children", "communication-device"]


def test_scopes_that_the_token_lacks_are_one_line_without_those_that_control(simulate, own, today):
    names = ("account:read", "inverter:list", "inverter:read", "inverter:data")
    scopes = frozenset(f"api:{name}" for name in names)
    sim = simulate(inverters=1, tokens=(TokenGrant("reads-inverters", 1, scopes),))
    owner = own(sim, GIVLAKE_DATASETS="ev_chargers,inverter_presets,sites,inverter_data_points")
    done = owner.givlake("backfill", "--start", today - DAY)
    assert done.status == 0, done.out
    lines = done.out.splitlines()
    assert [line for line in lines if "scope" in line] == [
        "The token lacks scopes: api:ev-charger:list for ev_chargers; api:site:list for sites."
        " Add them on the API Tokens page of the GivEnergy portal.",
        "Skipped without the scope api:inverter:control, which also permits changes of devices:"
        " inverter_presets.",
    ]


def test_a_day_that_is_over_and_empty_says_when_it_is_checked_again(simulate, own, today):
    sim = simulate(inverters=1, commissioned=today - 60 * DAY, empty_day_rate=1.0)
    owner = own(sim)
    day = today - 40 * DAY
    again = today + DAY
    said = f"1 device-day empty so far (checked again on {again.day} {again:%b})"
    done = owner.givlake("backfill", "--start", day, "--end", day)
    assert done.status == 0
    assert f"inverter_data_points: {said}\n" in done.out
    shown = owner.givlake("status").out
    assert said in shown
    assert "provisional" not in shown
    assert shown.splitlines()[2].split("  ")[-2].strip() == "empty so far"
    # Programs have the state as it is in the tables.
    assert owner.day_states("inverter_data_points", day, day) == ["provisional"]
    assert ",provisional,1," in owner.givlake("status", "--format", "csv").out
