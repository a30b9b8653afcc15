"""Runs of the command line in Dagster's pages: shown with their job, re-executed, checked."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from pipelines.partitions import range_tags
from tests.support.dagster_page import REPOSITORY, page
from tests.support.simulator_truth import days_between

pytestmark = [
    pytest.mark.processes,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc"),
    pytest.mark.usefixtures("machine_clock"),
]

DAYS = days_between(date(2025, 6, 1), date(2025, 6, 4))
# As the pages Overview and Jobs ask: the runs of the code location, by job.
RUNS_OF_JOBS = """query($of: RepositorySelector!) {
    repositoryOrError(repositorySelector: $of) {
        ... on Repository { jobs { name runs(limit: 9) { runId status } } }
    }
}"""
RUNS_OF_LOCATION = """query($label: String!) {
    runsOrError(filter: {tags: [{key: ".dagster/repository", value: $label}]}) {
        ... on Runs { results { runId jobName } }
    }
}"""
REEXECUTE = """mutation($parent: String!) {
    launchRunReexecution(reexecutionParams: {parentRunId: $parent, strategy: FROM_FAILURE}) {
        __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on PythonError { message }
    }
}"""
CHECKS = """query($key: AssetKeyInput!) {
    assetNodeOrError(assetKey: $key) {
        ... on AssetNode {
            assetChecksOrError {
                ... on AssetChecks { checks { name executionForLatestMaterialization { status } } }
            }
        }
    }
}"""
OF_POINTS = (["archive", "inverter_data_points"], ["inverter_data_points"])


def requested_days(sim) -> list[str]:
    return sorted(r.path for r in sim.requests if "data-points" in r.path)


@pytest.mark.parametrize("option", [(), ("--refetch",)], ids=["missing", "refetch"])
def test_a_run_of_the_command_line_is_shown_and_resumed_from_failure(
    simulate, own, tmp_path, option
):
    """Re-executing it answered HTTP 500, and Overview and Jobs did not have it."""
    sim = simulate(inverters=2)
    owner = own(sim)
    named = ("--start", DAYS[0], "--end", DAYS[-1])
    if option:
        assert owner.givlake("backfill", *named).status == 0
    sim.clear_requests()
    sim.fail(rf"/{sim.serials[1]}/data-points/{DAYS[2]}", status=500)
    owner.givlake("backfill", *named, *option)
    assert len(set(requested_days(sim))) == 8
    sim.clear_failures()
    sim.clear_requests()

    with page(tmp_path, owner.environment) as dagster:

        def jobs() -> dict[str, list[dict[str, str]]]:
            found = dagster.graphql(RUNS_OF_JOBS, of=REPOSITORY)["repositoryOrError"]
            return {job["name"]: job["runs"] for job in found.get("jobs", ())}

        runs = dagster.until(lambda: jobs().get("ingest_inverter_data_points"))
        failed = runs[0]
        assert failed["status"] == "FAILURE"
        label = "{repositoryName}@{repositoryLocationName}".format(**REPOSITORY)
        shown = dagster.graphql(RUNS_OF_LOCATION, label=label)["runsOrError"]["results"]
        assert failed["runId"] in {run["runId"] for run in shown}

        launched = dagster.graphql(REEXECUTE, parent=failed["runId"])["launchRunReexecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        assert dagster.status_of(launched["run"]["runId"]) == "SUCCESS"

    assert requested_days(sim) == [f"/v1/inverter/{sim.serials[1]}/data-points/{DAYS[2]}"]
    assert owner.states()["complete"] == 8


def test_the_checks_of_a_run_from_the_page_are_evaluated(simulate, own, tmp_path):
    """They were planned with the run, skipped, and shown as not evaluated."""
    sim = simulate(inverters=2)
    owner = own(sim)
    assert owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[1]).status == 0
    sim.fail(rf"/{sim.serials[1]}/data-points/{DAYS[3]}", status=500)
    with page(tmp_path, owner.environment) as dagster:

        def checks() -> dict[str, str | None]:
            key = {"path": ["inverter_data_points"]}
            node = dagster.graphql(CHECKS, key=key)["assetNodeOrError"]
            found = node.get("assetChecksOrError", {}).get("checks", ())
            latest = {each["name"]: each["executionForLatestMaterialization"] for each in found}
            return {name: each and each["status"] for name, each in latest.items()}

        # The page evaluates them once when it starts for the first time.
        first = dagster.until(checks)
        assert {"every_device_has_history", "inverter_data_points_drift"} <= set(first)
        assert set(first.values()) == {"SUCCEEDED"}

        # A backfill of assets whose policy is one run for all days is such a run.
        run_id = dagster.launch(
            "__ASSET_JOB",
            assets=[{"path": path} for path in OF_POINTS],
            tags=range_tags(DAYS[2], DAYS[3]),
        )
        # One day failed; what the run has brought is checked nevertheless.
        assert dagster.status_of(run_id) == "FAILURE"
        assert set(checks().values()) == {"SUCCEEDED"}
        with owner.dagster() as (_, instance):
            done = {
                e.dagster_event.event_specific_data.check_name
                for e in instance.all_logs(
                    run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
                )
            }
            assert done == set(first)
