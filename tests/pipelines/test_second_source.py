"""A second source: an API of the same form at another address, asked for what the first lacks."""

from datetime import timedelta

import dagster as dg
import pytest

from pipelines.source_job import SOURCE_JOB
from tests.support.owner import Owner
from tests.support.served_api import TOKEN, served_api
from tests.support.settings import settings_of
from tests.support.simulator_truth import assert_same, days_between, expected_rows

SOURCES = (
    "SELECT request_date, source, count(*) AS rows FROM inverter_data_points"
    " JOIN requests USING (response_id, request_date) GROUP BY ALL ORDER BY ALL"
)
STATES = (
    "SELECT request_date, state, reason FROM coverage WHERE is_expected AND"
    " dataset = 'inverter_data_points' ORDER BY request_date"
)
SECOND = timedelta(seconds=1)
TIME = "{:%Y-%m-%dT%H:%M:%SZ}".format


@pytest.fixture
def sources(simulate, own):
    """Give the API, a second one with the same history, and an owner of both."""
    api = simulate(inverters=1)
    house = simulate(inverters=1)
    owner = own(api, GIVLAKE_SOURCE_URL=house.base_url, GIVLAKE_SOURCE_TOKEN=house.token)
    return api, house, owner


def days_asked(sim) -> list[str]:
    return sorted(r.path.rsplit("/", 1)[1] for r in sim.requests if "data-points" in r.path)


def test_the_second_source_fills_what_the_api_refuses_and_the_api_stands_where_it_answers(
    sources, yesterday
):
    api, house, owner = sources
    first, last = yesterday - timedelta(days=10), yesterday - timedelta(days=7)
    days = days_between(first, last)
    assert owner.givlake("backfill", "--start", first, "--end", first).status == 0
    api.configure(subscription=False)
    assert owner.givlake("backfill", "--start", first, "--end", last).status != 0

    # What the second source has of a day differs from what the API will say later.
    (serial,) = house.serials
    changed = [point | {"status": "Changed"} for point in house.truth(serial, last)]
    house.set_rows(serial, last, changed)
    found = owner.givlake("backfill", "--source", "house", "--start", first, "--end", last)
    assert found.status == 0
    assert f"3 days from house, {days[1]} to {last}" in found.out
    assert days_asked(house) == [str(day) for day in days[1:]]
    assert {row["source"] for row in owner.sql(SOURCES)} == {"api", "house"}
    unproven = ("unproven", "from house, not proven")
    states = [
        (row["state"], row["reason"]) for row in owner.sql(STATES) if row["request_date"] in days
    ]
    assert states == [("complete", "fetched when final"), *[unproven] * 3]
    rows = [row for row in owner.rows() if row["request_date"] in days[:3]]
    assert_same(rows, expected_rows(house, [serial], days[:3]))

    # Nothing is asked twice, once it was answered when the day was final.
    house.clear_requests()
    again = owner.givlake("backfill", "--source", "house", "--start", first, "--end", last)
    assert (again.status, days_asked(house)) == (0, [])
    assert "Nothing new from house." in again.out

    # The API is back: it is asked for the days that are not proven, and its rows stand.
    api.configure(subscription=True)
    api.clear_requests()
    assert owner.givlake("backfill", "--start", first, "--end", last).status == 0
    assert days_asked(api) == [str(day) for day in days[1:]]
    assert {row["source"] for row in owner.sql(SOURCES)} == {"api"}
    rows = [row for row in owner.rows() if row["request_date"] in days]
    assert_same(rows, expected_rows(api, [serial], days))
    (kept,) = owner.sql(
        "SELECT count(*) AS n FROM inverter_data_points_superseded"
        f" WHERE status = 'Changed' AND request_date = '{last}'"
    )
    assert kept["n"] == len(changed)
    assert owner.givlake("verify").status == 0


def test_a_sync_from_the_second_source_goes_on_when_the_api_has_ended(sources, today, yesterday):
    api, house, owner = sources
    assert owner.givlake("sync").status == 0
    (before,) = owner.sql("SELECT max(time) AS last, count(*) AS rows FROM inverter_data_points")
    api.configure(subscription=False)
    assert owner.givlake("sync").status != 0
    (serial,) = house.serials
    points = [
        point for point in house.truth(serial, today) if point["time"] <= TIME(before["last"])
    ]
    house.set_rows(serial, today, [*points, points[-1] | {"time": TIME(before["last"] + SECOND)}])
    found = owner.givlake("sync", "--source", "house")
    assert found.status == 0
    # Yesterday is over and was fetched since; of today the API has given the beginning.
    assert days_asked(house) == [str(today)]
    assert all("/data-points/" in request.path for request in house.requests)
    rows = {(row["request_date"], row["source"]): row["rows"] for row in owner.sql(SOURCES)}
    assert sum(rows.values()) == before["rows"] + 1
    assert rows.keys() == {(yesterday, "api"), (today, "api"), (today, "house")}
    assert rows[today, "house"] == 1


def test_a_folder_that_never_saw_the_api_takes_devices_and_days_from_the_second_source(
    sources, yesterday
):
    api, house, owner = sources
    api.configure(subscription=False)
    found = owner.givlake("backfill", "--source", "house", "--start", yesterday)
    assert found.status == 0, found.output
    assert {row["source"] for row in owner.sql(SOURCES)} == {"house"}
    rows = [row for row in owner.rows() if row["request_date"] == yesterday]
    assert_same(rows, expected_rows(house, house.serials, [yesterday]))


@pytest.mark.slow
def test_an_empty_answer_of_the_second_source_proves_nothing_and_its_failures_are_its_own(
    sources, yesterday
):
    _, house, owner = sources
    (serial,) = house.serials
    house.set_rows(serial, yesterday, [])
    day = ("--start", yesterday, "--end", yesterday)
    assert owner.givlake("backfill", "--source", "house", *day).status == 0
    states = {row["request_date"]: row["state"] for row in owner.sql(STATES)}
    assert states[yesterday] == "not_requested"
    house.configure(subscription=False)
    refused = owner.givlake("backfill", "--source", "house", "--refetch", *day)
    assert refused.status != 0
    assert "402" in refused.output
    (row,) = owner.sql(
        "SELECT state, error_count FROM coverage WHERE dataset = 'inverter_data_points'"
        f" AND request_date = '{yesterday}'"
    )
    assert row == {"state": "not_requested", "error_count": 0}
    assert owner.givlake("backfill", *day).status == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"GIVLAKE_SOURCE_URL": ""}, "There is no source 'house': set GIVLAKE_SOURCE_URL"),
        ({"GIVLAKE_SOURCE_NAME": "barn"}, "the one that is set is 'barn'"),
        ({"GIVLAKE_SOURCE_NAME": "local"}, "GIVLAKE_SOURCE_NAME is 'local': use letters"),
        ({"GIVLAKE_SOURCE_TOKEN": ""}, "GIVLAKE_SOURCE_TOKEN is not set"),
        ({"GIVLAKE_SOURCE_URL": "house.lan"}, "GIVLAKE_SOURCE_URL is 'house.lan': use the address"),
        ({"GIVLAKE_SOURCE_TOKEN": "wrong"}, "401"),
        ({"GIVLAKE_SOURCE_URL": "http://127.0.0.1:9/v1"}, "127.0.0.1"),
    ],
)
def test_what_is_wrong_with_a_second_source_is_said(sources, yesterday, change, said):
    api, _, owner = sources
    owner.settings.update(change)
    day = ("--start", yesterday, "--end", yesterday)
    found = owner.givlake("backfill", "--source", "house", *day)
    assert found.status != 0
    assert said in found.output
    assert "Traceback" not in found.output
    assert api.requests == []


@pytest.mark.slow
def test_dagster_asks_the_second_source_by_schedule_and_says_why_it_failed(sources, today):
    api, house, owner = sources
    assert owner.givlake("sync").status == 0
    api.configure(subscription=False)
    (serial,) = house.serials
    truth = house.truth(serial, today)
    house.set_rows(serial, today, [point | {"status": "Changed"} for point in truth])
    with owner.dagster() as (definitions, instance):
        assert definitions.resolve_schedule_def("fill_half_hourly").job_name == SOURCE_JOB
        job = definitions.resolve_job_def(SOURCE_JOB)
        assert job.execute_in_process(instance=instance).success
        (kept,) = owner.sql("SELECT count(*) AS n FROM inverter_data_points_superseded")
        assert kept["n"] > 0
        house.configure(subscription=False)
        with pytest.raises(dg.Failure, match="402"):
            job.execute_in_process(instance=instance)
    owner.settings["GIVLAKE_SOURCE_URL"] = ""
    with owner.dagster() as (definitions, _):
        assert SOURCE_JOB not in {each.name for each in definitions.resolve_all_job_defs()}


@pytest.mark.slow
def test_another_machines_archive_is_a_second_source(simulate, own, tmp_path, yesterday):
    api = simulate(inverters=1)
    first, last = yesterday - timedelta(days=9), yesterday - timedelta(days=8)
    archive = own(api)
    assert archive.givlake("backfill", "--start", first, "--end", last).status == 0
    here = Owner(tmp_path / "here", {"GIVENERGY_API_URL": api.base_url}, token=api.token)
    here.folder.mkdir()
    api.configure(subscription=False)
    with served_api(settings_of(archive.settings)) as served:
        here.settings |= {
            "GIVLAKE_SOURCE_URL": served.base_url,
            "GIVLAKE_SOURCE_NAME": "other-machine",
            "GIVLAKE_SOURCE_TOKEN": TOKEN,
        }
        day_before = first - timedelta(days=1)
        days = ("--start", day_before, "--end", last)
        found = here.givlake("backfill", "--source", "other-machine", *days)
    assert found.status == 0, found.output
    assert_same(here.rows(), expected_rows(api, api.serials, [first, last]))
    assert {row["source"] for row in here.sql(SOURCES)} == {"other-machine"}
    states = {row["request_date"]: row["state"] for row in here.sql(STATES)}
    # A day that is not in that archive looks empty, which proves nothing.
    assert (states[day_before], states[first], states[last]) == (
        "not_requested",
        "unproven",
        "unproven",
    )
