"""Two accounts on two machines under one Dagster: one machine is killed, the other one goes on.

A machine is a code server with its account's data folder, in a session of its own; web server,
daemon and PostgreSQL run elsewhere, as compose.fleet.yaml has them.
"""

from datetime import date
from typing import Any

import pytest

from simulator import Simulator
from tests.support.dagster_page import REPOSITORY, Page
from tests.support.fleet_services import fleet_services
from tests.support.owner import Owner
from tests.support.simulator_truth import assert_same, days_between, expected_rows
from warehouse.read_only import ReadOnlyLake

DAYS = days_between(date(2025, 6, 1), date(2025, 6, 10))
NORTH, SOUTH = "north", "south"

_BACKFILL = """mutation($params: LaunchBackfillParams!) {
    launchPartitionBackfill(backfillParams: $params) {
        __typename
        ... on LaunchBackfillSuccess { backfillId }
        ... on PythonError { message }
    }
}"""
_RUNS = """query($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results {
    runId status jobName tags { key value } } } } }"""
_REEXECUTE = """mutation($run: ReexecutionParams!) {
    launchRunReexecution(reexecutionParams: $run) {
        __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on PythonError { message }
    }
}"""
_ASSET = """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
    assetMaterializations { partition runId } } } }"""
_TICKS = """query($selector: ScheduleSelector!) { scheduleOrError(scheduleSelector: $selector) {
    ... on Schedule { scheduleState { ticks { status runIds } } } } }"""


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.usefixtures("machine_clock")
def test_a_killed_machine_does_not_touch_the_other_and_its_run_goes_on_elsewhere(
    simulate, tmp_path, database
):
    owners, sims = {}, {}
    for number, name in enumerate((NORTH, SOUTH), 1):
        sims[name] = simulate(
            inverters=number,
            commissioned=DAYS[0],
            rate_limit=100_000,
            rows_per_day=20,
            empty_day_rate=0.0,
            seed=number,
        )
        folder = tmp_path / name
        folder.mkdir()
        settings = {
            "GIVENERGY_API_URL": sims[name].base_url,
            "GIVLAKE_NAME": name,
            "GIVLAKE_POLL_MINUTES": "1",
            "GIVLAKE_CONNECTIONS": "1",
            "GIVLAKE_RETRY_S": "3600",
            "GIVLAKE_DATASETS": "inverter_data_points,inverter_system_readings",
        }
        owners[name] = Owner(folder, settings, token=sims[name].token)
        # Discovery comes first: a run knows the days that there can be.
        assert owners[name].process("backfill", "--start", DAYS[-1], "--end", DAYS[-1]).status == 0
    with fleet_services(tmp_path / "services", owners, database) as services:
        page = services.page
        for name in owners:
            page.until(lambda name=name: _ticked(page, name))
            sims[name].clear_requests()

        # Its run gets no further than this day.
        sims[NORTH].fail(rf"data-points/{DAYS[3]}", status=503)
        backfills = {name: _launch_backfill(page, name) for name in owners}
        lost = page.until(lambda: _run_of(page, backfills[NORTH], "STARTED"))
        # Answers are archived within 20 seconds.
        page.until(lambda: len(_archived_days(owners[NORTH])) > 3)
        services.kill(NORTH)
        other = page.until(lambda: _run_of(page, backfills[SOUTH], "SUCCESS"))
        # Nobody can know yet whether the machine is gone or only its network. After a while Dagster
        # gives up the backfill and cancels its run.
        assert _status(page, lost) in {"STARTED", "CANCELING", "CANCELED"}

        archived = _archived_days(owners[NORTH])
        sims[NORTH].clear_requests()
        sims[NORTH].clear_failures()
        services.start_elsewhere(NORTH)
        page.until(lambda: _status(page, lost) in {"FAILURE", "CANCELED"})
        # The page needs some seconds to find the code server again.
        again = page.until(lambda: _reexecuted(page, lost))
        assert page.status_of(again) == "SUCCESS"

        shown = {name: _materializations(page, name) for name in owners}
        for each in shown.values():
            assert {day for day, _ in each} == {day.isoformat() for day in DAYS}
        runs = {name: {run for _, run in each} for name, each in shown.items()}
        assert again in runs[NORTH]
        assert other in runs[SOUTH]
        assert runs[NORTH].isdisjoint(runs[SOUTH])
    # What the killed machine had archived was not requested again.
    again_requested = _answered_days(sims[NORTH])
    assert len(archived) > 3
    assert again_requested == {day.isoformat() for day in DAYS} - archived
    for name, owner in owners.items():
        rows = [row for row in owner.rows() if row["request_date"] in DAYS]
        assert_same(rows, expected_rows(sims[name], sims[name].serials, DAYS))


def _launch_backfill(page: Page, name: str) -> str:
    """Launch a backfill of all days as the page's button "Materialize" does; return its ID."""
    params = {
        "assetSelection": [{"path": path} for path in _paths(name)],
        "partitionNames": [day.isoformat() for day in DAYS],
    }
    launched = page.graphql(_BACKFILL, params=params)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    return str(launched["backfillId"])


def _reexecuted(page: Page, run_id: str) -> str | None:
    """Re-execute a run; return the ID of the new one, None if its code server is not there."""
    run = {"parentRunId": run_id, "strategy": "ALL_STEPS"}
    launched = page.graphql(_REEXECUTE, run=run)["launchRunReexecution"]
    assert launched["__typename"] in {"LaunchRunSuccess", "InvalidSubsetError"}, launched
    return launched["run"]["runId"] if "run" in launched else None


def _runs(page: Page, **filters: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.graphql(_RUNS, filter=filters)["runsOrError"]["results"]
    return found


def _run_of(page: Page, backfill: str, status: str) -> str | None:
    """Return the run of a backfill if it has a status."""
    runs = _runs(page, tags=[{"key": "dagster/backfill", "value": backfill}])
    assert len(runs) < 2
    return next((run["runId"] for run in runs if run["status"] == status), None)


def _status(page: Page, run_id: str) -> str:
    (run,) = _runs(page, runIds=[run_id])
    return str(run["status"])


def _ticked(page: Page, name: str) -> bool:
    """Return whether the schedule of polls has had a tick whose run succeeded."""
    selector = {
        "repositoryLocationName": name,
        "repositoryName": REPOSITORY["repositoryName"],
        "scheduleName": "poll",
    }
    state = page.graphql(_TICKS, selector=selector)["scheduleOrError"]["scheduleState"]
    ids = [run_id for tick in state["ticks"] for run_id in tick["runIds"]]
    return any(run["status"] == "SUCCESS" for run in (_runs(page, runIds=ids) if ids else ()))


def _materializations(page: Page, name: str) -> set[tuple[str, str]]:
    """Return the days of an account's table that Dagster shows, with the runs that showed them."""
    asset = page.graphql(_ASSET, key={"path": _paths(name)[-1]})["assetOrError"]
    return {(each["partition"], each["runId"]) for each in asset["assetMaterializations"]}


def _paths(name: str) -> list[list[str]]:
    return [[name, "archive", "inverter_data_points"], [name, "inverter_data_points"]]


def _answered_days(sim: Simulator) -> set[str]:
    return {
        path.rpartition("/")[2]
        for path in (each.path.partition("?")[0] for each in sim.requests if each.status == 200)
        if "data-points" in path
    }


def _archived_days(owner: Owner) -> set[str]:
    with ReadOnlyLake(owner.data, []) as lake:
        rows = [row for part in lake.archive.scan(["path", "outcome"]) for row in part.to_pylist()]
    paths = [row["path"] for row in rows if row["outcome"] == "ok"]
    return {path.rpartition("/")[2] for path in paths if "data-points" in path}
