"""`sync`, as cron runs it: the first time, once more on the same day, and a day later."""

import json
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from assets.framework.contract.stored_ranges import REQUESTED
from pipelines.requested_ranges import remember_sync
from tests.support.clock import NOTABLE, at_moments
from tests.support.owner import Owner
from tests.support.simulator_truth import assert_same, days_between, expected_rows
from warehouse.archive import Entry

LONDON = ZoneInfo("Europe/London")


def paths_requested(sim) -> list[str]:
    """Return the paths of the requests for data points, sorted."""
    return sorted(r.path for r in sim.requests if "data-points" in r.path)


def paths(serials, *days) -> list[str]:
    """Return the paths that request the data points of inverters and days, sorted."""
    return sorted(f"/v1/inverter/{serial}/data-points/{day}" for serial in serials for day in days)


@at_moments(*NOTABLE, slow=NOTABLE.keys() - {"autumn, the repeated hour, second"})
def test_the_first_sync_brings_yesterday_and_today_and_the_next_one_only_today(
    simulate, own, today, yesterday
):
    sim = simulate(inverters=2, rows_per_day=48)
    owner = own(sim)
    first = owner.givlake("sync")
    assert first.status == 0
    assert paths_requested(sim) == paths(sim.serials, yesterday, today)
    assert "4 device-days not final yet" in first.out

    sim.clear_requests()
    assert owner.givlake("sync").status == 0
    # In the first hour of a summer day yesterday's day of UTC is not over.
    not_over = [day for day in (yesterday, today) if day >= datetime.now(UTC).date()]
    assert paths_requested(sim) == paths(sim.serials, *not_over)
    rows = [row for row in owner.rows() if row["request_date"] == yesterday]
    assert_same(rows, expected_rows(sim, sim.serials, [yesterday]))
    (day,) = owner.sql("SELECT max(request_date) AS last FROM coverage WHERE is_expected")
    assert day["last"] == today


@pytest.mark.slow
@at_moments(
    "spring, after the skipped hour",
    "a month's first minutes, in UTC still its last day",
)
def test_a_day_later_the_open_days_are_closed_and_the_days_between_are_fetched(
    simulate, own, today, yesterday
):
    sim = simulate(inverters=1)
    owner = own(sim)
    (serial,) = sim.serials
    days = days_between(today - timedelta(days=4), yesterday)
    # Three days ago somebody synchronised at noon, and nobody has since.
    with owner.lake() as lake:
        remember_sync(lake, "inverter_data_points", days[1])
        for day, at in ((days[0], days[1]), (days[1], days[1])):
            noon = datetime.combine(at, time(12), LONDON).astimezone(UTC)
            keep(lake, sim, serial, day, noon)
    assert owner.givlake("sync").status == 0
    # The first day was over but could still change, the second was not over.
    assert paths_requested(sim) == paths([serial], *days, today)
    rows = [row for row in owner.rows() if row["request_date"] in days]
    assert_same(rows, expected_rows(sim, [serial], days))


@pytest.mark.slow
def test_the_first_sync_after_a_backfill_goes_on_from_its_last_day(simulate, own, today, yesterday):
    sim = simulate(inverters=1)
    owner = own(sim)
    assert owner.givlake("backfill", "--start", yesterday).status == 0
    later = today + timedelta(days=3)
    with owner.lake() as lake:
        remember_sync(lake, "inverter_data_points", later)
        ranges = REQUESTED.of_devices(lake, "inverter_data_points", sim.serials)
    assert ranges[sim.serials[0]] == [(yesterday, later)]


@pytest.mark.slow
def test_a_backfill_of_two_days_leaves_to_sync_what_it_still_has_to_fetch(
    simulate, own, today, yesterday
):
    sim = simulate(inverters=1)
    owner = own(sim)
    ten_days_ago = today - timedelta(days=10)
    with owner.lake() as lake:
        remember_sync(lake, "inverter_data_points", ten_days_ago)
    assert owner.givlake("backfill", "--start", yesterday).status == 0
    with owner.lake() as lake:
        remember_sync(lake, "inverter_data_points", today)
        ranges = REQUESTED.of_devices(lake, "inverter_data_points", sim.serials)
    assert ranges[sim.serials[0]] == [(ten_days_ago - timedelta(days=1), today)]


def keep(lake, sim, serial, day, fetched_at) -> None:
    """Archive the response to a request at a given time."""
    rows = [
        row for row in sim.truth(serial, day) if datetime.fromisoformat(row["time"]) <= fetched_at
    ]
    entry = Entry(
        dataset="inverter_data_points",
        device_id=serial,
        request_date=day,
        request_zone="Europe/London",
        method="GET",
        path=f"/inverter/{serial}/data-points/{day}",
        params="{}",
        status=200,
        outcome="ok",
        error_kind=None,
        message=None,
        requested_at=fetched_at,
        fetched_at=fetched_at,
        page=1,
        page_count=1,
        complete=True,
        rows=len(rows),
        body=json.dumps({"data": rows}).encode(),
        attempts=1,
        redaction_version=None,
        account="",
    )
    lake.archive.append([entry])


@pytest.mark.slow
def test_sync_finishes_a_backfill_that_could_not_go_on(simulate, own, today, yesterday):
    sim = simulate(inverters=2)
    owner: Owner = own(sim)
    days = days_between(yesterday - timedelta(days=12), yesterday - timedelta(days=9))
    sim.fail(f"data-points/{days[0]}", status=503)
    assert owner.givlake("backfill", "--start", days[0], "--end", days[-1]).status == 1
    sim.clear_failures()
    sim.clear_requests()
    assert owner.givlake("sync").status == 0
    assert paths_requested(sim) == paths(sim.serials, days[0], yesterday, today)
    rows = [row for row in owner.rows() if row["request_date"] in days]
    assert_same(rows, expected_rows(sim, sim.serials, days))


@pytest.mark.slow
def test_sync_does_not_fetch_for_all_devices_what_was_wanted_of_one(simulate, own):
    sim = simulate()
    owner = own(sim)
    one = sim.serials[0]
    wanted = ("--start", "2025-06-01", "--end", "2025-06-02", "--device", one)
    sim.fail(r"data-points/2025-06-02", status=503)
    assert owner.givlake("backfill", *wanted).status == 1
    sim.clear_failures()
    assert owner.givlake("sync").status == 0
    asked_for = {r.path for r in sim.requests if "/data-points/2025-06-" in r.path}
    assert asked_for == {f"/v1/inverter/{one}/data-points/2025-06-0{day}" for day in (1, 2)}
