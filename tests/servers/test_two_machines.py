"""Two accounts on two machines under one Dagster: one machine is killed, the other one goes on.

A machine is a code server with its account's data folder, in a session of its own; web server,
daemon and PostgreSQL run elsewhere, as compose.fleet.yaml has them.
"""

import os
import signal
import time
from datetime import UTC, date, datetime

import pytest

from tests.support.dagster_page import Page
from tests.support.fleet_services import FleetServices, fleet_services
from tests.support.owner import Owner
from tests.support.processes_below import pids_below
from tests.support.simulator_truth import assert_same, days_between, expected_rows
from tests.support.timeouts import TIMEOUT_S

DAYS = days_between(date(2025, 6, 1), date(2025, 6, 10))
NORTH, SOUTH = "north", "south"
JOB = "ingest_inverter_data_points"
_SLOW_S = 2.0

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

        sims[NORTH].configure(latency_s=_SLOW_S)
        backfills = {name: _launch_backfill(page, name) for name in owners}
        lost = page.until(lambda: _run_of(page, backfills[NORTH], "STARTED"))
        page.until(lambda: _answered_days(sims[NORTH]) >= 3)
        kill_machine(services, NORTH)
        other = page.until(lambda: _run_of(page, backfills[SOUTH], "SUCCESS"))
        # Nobody can know yet whether the machine is gone or only its network.
        assert _status(page, lost) == "STARTED"

        sims[NORTH].configure(latency_s=0.0)
        before = _answered_days(sims[NORTH])
        services.restart(NORTH)
        assert page.until(lambda: _status(page, lost)) == "FAILURE"
        again = page.graphql(
            _REEXECUTE, run={"parentRunId": lost, "strategy": "FROM_FAILURE"}
        )["launchRunReexecution"]
        assert again["__typename"] == "LaunchRunSuccess", again
        assert page.status_of(again["run"]["runId"]) == "SUCCESS"

        for name, runs in ((NORTH, {lost, again["run"]["runId"]}), (SOUTH, {other})):
            shown = _materializations(page, name)
            assert {day for day, _ in shown} == {day.isoformat() for day in DAYS}
            assert {run for _, run in shown} & runs
            strangers = {run for _, run in _materializations(page, SOUTH if name == NORTH else NORTH)}
            assert {run for _, run in shown}.isdisjoint(strangers)
    # What the killed machine had archived was not requested again.
    assert _answered_days(sims[NORTH]) <= len(DAYS) + 1
    assert before >= 3
    for name, owner in owners.items():
        rows = [row for row in owner.rows() if row["request_date"] in DAYS]
        assert_same(rows, expected_rows(sims[name], sims[name].serials, DAYS))


def kill_machine(services: FleetServices, name: str) -> None:
    """Kill a code server and all that it started, at once."""
    server = services.processes[name]
    for pid in (server.pid, *pids_below(server.pid)):
        os.kill(pid, signal.SIGKILL)
    server.wait(TIMEOUT_S)
