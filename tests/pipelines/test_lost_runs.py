"""Runs that ended with their code server or machine, which Dagster shows as in progress."""

import dagster as dg

from pipelines.cli.killed_runs import report_lost_runs
from pipelines.dagster_workarounds.code_location import own_runs_tag
from pipelines.run_locks import run_lock
from pipelines.settings import load_settings


@dg.job
def job() -> None:
    """Stand for any job."""


def test_a_run_without_its_lock_is_reported_as_failed_and_no_other(simulate, own):
    owner = own(simulate(inverters=1))
    started = dg.DagsterRunStatus.STARTED

    def status_of(run: dg.DagsterRun) -> dg.DagsterRunStatus:
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        return found.status

    with owner.dagster() as (_, instance):
        tags = own_runs_tag(None)
        lost, alive = (
            instance.create_run_for_job(job, status=started, tags=tags) for _ in range(2)
        )
        of_another = instance.create_run_for_job(job, status=started, tags=own_runs_tag("north"))
        waiting = instance.create_run_for_job(job, tags=tags)
        with run_lock(owner.data, alive.run_id):
            report_lost_runs(instance, load_settings())
            assert status_of(lost) is dg.DagsterRunStatus.FAILURE
            assert status_of(alive) is status_of(of_another) is started
            assert status_of(waiting) is dg.DagsterRunStatus.NOT_STARTED
        report_lost_runs(instance, load_settings())
        assert status_of(alive) is dg.DagsterRunStatus.FAILURE
    assert not list((owner.data / "locks" / "runs").glob("*.lock"))
