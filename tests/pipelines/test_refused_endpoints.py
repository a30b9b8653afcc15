"""Endpoints that refuse every request: few requests, said aloud, asked again, then remembered."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from simulator import Simulator
from tests.support import clock
from tests.support.every_device import every_device
from tests.support.owner import Owner
from tests.support.simulator_truth import days_requested

pytestmark = pytest.mark.slow

REFUSED = {
    "inverter-meter-data": "422",
    "events": "422",
    "presets": "422",
    "settings": "404",
    "smart-device": "403 html",
}
# What these endpoints are asked for, and what depends on it.
PATHS = ("/meter/data", "/events", "/presets", "/settings", "/smart-device")


def requests_of_a_backfill(folder, now, refused, **settings):
    """Return the requests of a first backfill and of a second one, and their output."""
    config = every_device(now, 400, meter_rows_every_s=43_200, refused=refused)
    with Simulator(config) as sim:
        chosen = {
            "GIVENERGY_API_URL": sim.base_url,
            "GIVLAKE_DATASETS": "",
            "GIVLAKE_RANGE_DAYS": "31",
            **settings,
        }
        folder.mkdir()
        owner = Owner(folder, chosen, token=sim.token)
        found = []
        for _ in range(2):
            done = owner.givlake("backfill", "--start", (now - timedelta(days=2)).date())
            found.append(([request.path for request in sim.requests], done))
            sim.clear_requests()
        return found


def outside(paths):
    """Return the paths that are not of the refused endpoints."""
    return [path for path in paths if not any(part in path for part in PATHS)]


@pytest.mark.parametrize("retry_s", ["0", "75"])
def test_five_refused_endpoints_cost_a_first_backfill_at_most_twenty_requests(tmp_path, retry_s):
    now = datetime.now(UTC)
    settings = {"GIVLAKE_RETRY_S": retry_s}
    (whole, done), _ = requests_of_a_backfill(tmp_path / "whole", now, {})
    assert done.status == 0, done.output
    refused = requests_of_a_backfill(tmp_path / "refused", now, REFUSED, **settings)
    least = len(outside(whole))
    counts = [len(paths) for paths, _ in refused]
    of_each = [Counter(p for path in paths for p in PATHS if p in path) for paths, _ in refused]
    print(f"all {len(whole)}, least {least}, first {counts[0]}, second {counts[1]}: {of_each}")
    (first, done), (second, _) = refused
    assert done.status == 1
    assert len(outside(first)) == least
    assert len(first) <= least + 20
    # Within the hour nothing is believed: as many again, and what was not fetched.
    assert len(second) - len(outside(second)) <= 20


ENDPOINTS = {
    "energy_flows": ("energy-flows", "/energy-flows"),
    "energy_flow_aggregates": ("energy-flows", "/energy-flows"),
    "inverter_grid_meter_readings": ("inverter-meter-data", "/meter/data"),
    "inverter_data_points": ("data-points", "/data-points/"),
    "inverter_events": ("events", "/events"),
}


@pytest.mark.parametrize(
    "dataset",
    [
        "energy_flows",
        "inverter_grid_meter_readings",
        "energy_flow_aggregates",
        "inverter_data_points",
        "inverter_events",
    ],
)
def test_an_endpoint_that_refuses_every_range_is_remembered_and_asked_again_weekly(
    simulate, own, today, dataset
):
    name, path = ENDPOINTS[dataset]
    sim = simulate(inverters=5, refused={name: "422"}, commissioned=today - timedelta(days=400))
    owner = own(sim, GIVLAKE_DATASETS=dataset)
    start = today - timedelta(days=90)
    counts, outputs = [], []
    moment = datetime.now(UTC)
    for hours in (0, 0.1, 2, 50, 180):
        with clock.at(moment + timedelta(hours=hours)):
            sim.clear_requests()
            done = owner.givlake(*(("sync",) if hours else ("backfill", "--start", start)))
            outputs.append(done.out)
            counts.append(sum(path in request.path for request in sim.requests))
    by_day = dataset in ("energy_flows", "inverter_data_points")
    assert 1 <= counts[0] <= 8, outputs[0]
    assert "Stopped: " + dataset in outputs[0]
    assert "asked again by the next command" in outputs[0]
    # Again by the next commands, as one refusal can be a fault; then weekly.
    assert 1 <= counts[1] <= 8
    assert 1 <= counts[2] <= 8
    assert counts[3] == 0, outputs[3]
    assert 1 <= counts[4] <= 8
    shown = owner.givlake("status")
    assert f"{dataset}: The API refuses the request (422" in shown.out
    assert "refused since" in shown.out
    (told,) = (part for part in json.loads(owner.givlake("status", "--format", "json").out)
               if part["dataset"] == dataset)  # fmt: skip
    assert any(refusal["is_confirmed"] for refusal in told["refusals"])
    if by_day:
        # What was not fetched is missing, never empty or complete.
        assert shown.status == 1
        assert not {"complete", "empty", "provisional"} & set(told["days_by_state"])
    with clock.at(moment + timedelta(hours=181)):
        # What the owner names is asked for at once, and an all-clear needs no more.
        sim.clear_requests()
        assert owner.givlake("backfill", "--dataset", dataset, "--start", today).status in (0, 1)
        assert any(path in request.path for request in sim.requests)


def test_points_are_fetched_although_the_beginning_of_their_history_is_refused(
    simulate, own, today
):
    sim = simulate(
        inverters=1, refused={"energy-flows": "422"}, commissioned=today - timedelta(days=3)
    )
    done = own(sim).givlake("backfill")
    assert len(days_requested(sim)) > 0, done.output
    assert "could not be looked up" in done.output


def test_one_device_that_refuses_does_not_stop_the_others(simulate, own, today):
    sim = simulate(inverters=5, commissioned=today - timedelta(days=400), flow_gap_rate=0.0)
    owner = own(sim, GIVLAKE_DATASETS="energy_flows", GIVLAKE_CONNECTIONS="1")
    # The first and the second that are asked.
    locked = sorted(sim.serials)[:2]
    said = b'{"message": "The given data was invalid."}'
    sim.override(rf"/({'|'.join(locked)})/energy-flows", said, status=422)
    start = today - timedelta(days=90)
    done = owner.givlake("backfill", "--start", start, "--end", today - timedelta(days=5))
    assert done.status == 1
    days = owner.sql("SELECT device_id, state, count(*) AS n FROM coverage WHERE is_expected"
                     " AND request_date <= current_date - 5 GROUP BY ALL")  # fmt: skip
    complete = {row["device_id"] for row in days if row["state"] == "complete"}
    assert complete == set(sim.serials) - set(locked)
    asked = Counter(request.path.split("/")[3] for request in sim.requests[2:])
    assert all(asked[serial] <= 6 for serial in locked), asked
    # Once they answer, everything is fetched, without a change of token.
    sim.clear_failures()
    again = owner.givlake("backfill", "--start", start, "--end", today - timedelta(days=5))
    assert again.status == 0, again.out


def test_a_refusal_of_old_days_or_of_one_device_closes_no_dataset(simulate, own, today):
    """Both were believed to be a refusal of all devices and days, for a week."""
    sim = simulate(inverters=2, commissioned=today - timedelta(days=400))
    one, other = sim.serials
    old, recent = date(2022, 1, 5), today - timedelta(days=3)
    said = b'{"message": "The date is not valid."}'
    sim.override(rf"/data-points/{old.year}|/{other}/data-points/", said, status=422)
    old_days = ("backfill", "--start", old - timedelta(days=4), "--end", old)
    one_device = ("backfill", "--device", other, "--start", recent)
    owner = own(sim)
    moment = datetime.now(UTC)
    for hours in (0, 2):
        for command in (old_days, one_device):
            with clock.at(moment + timedelta(hours=hours)):
                assert owner.givlake(*command).status == 1
    with clock.at(moment + timedelta(hours=3)):
        owner.givlake("backfill", "--start", recent)
    fetched = {row["inverter_serial"] for row in owner.rows()}
    assert fetched == {one}


@pytest.mark.parametrize("status", [400, 422])
def test_a_preset_that_is_refused_is_remembered_and_the_others_are_not_repeated(
    simulate, own, status
):
    sim = simulate(inverters=1)
    sim.override("/presets/timed-export", b'{"message": "Not supported."}', status=status)
    owner = own(sim, GIVLAKE_DATASETS="inverter_presets,inverter_preset_values")
    moment, found = datetime.now(UTC), []
    for hours in (0, 2, 3, 26, 27):
        with clock.at(moment + timedelta(hours=hours)) as at:
            sim.set_clock(at)
            sim.clear_requests()
            done = owner.givlake("sync")
            asked = [r.path.rpartition("/")[2] for r in sim.requests if "/presets/" in r.path]
            found.append((done.status, len(asked), "timed-export" in asked))
    # It is a failure once; the next command confirms it, and requests nothing else.
    assert found == [(1, 7, True), (0, 1, True), (0, 0, False), (0, 6, False), (0, 0, False)]
    shown = owner.givlake("status").out
    assert "timed-export" in shown
    assert "Not supported." in shown
