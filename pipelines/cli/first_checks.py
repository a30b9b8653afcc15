"""The first evaluation of the asset checks; later ones are scheduled."""

from collections.abc import Callable

import dagster as dg

from pipelines.cli.killed_runs import tagged_runs
from pipelines.dagster_workarounds.code_location import own_runs_tag
from pipelines.dagster_workarounds.recorded_run import execute_recorded
from pipelines.definitions_factory import CHECK_JOBS, build_definitions
from pipelines.open_folder import stored_account
from pipelines.settings import Settings
from pipelines.stop_signals import is_stopping


def evaluate_checks_once(
    settings: Settings, instance: dg.DagsterInstance, say: Callable[[str], object]
) -> None:
    """Run each job of checks that has never run, if there are data.

    A command fetches without them, so that Dagster's pages would show them as not evaluated until
    the next morning.

    Args:
        settings: The settings of the process.
        instance: Where runs are recorded.
        say: Called with a line before the work.

    Raises:
        KeyboardInterrupt: The command was interrupted.
    """
    if stored_account(settings) is None:
        return
    done = [dg.DagsterRunStatus.SUCCESS]
    due = [
        name
        for name in CHECK_JOBS
        if not instance.get_runs_count(
            dg.RunsFilter(job_name=name, statuses=done, tags=own_runs_tag(settings.account_name))
        )
    ]
    jobs = build_definitions(settings).resolve_all_job_defs() if due else ()
    if not (jobs := [job for job in jobs if job.name in due]):
        return
    say("Evaluating the checks of the data for the first time.")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with tagged_runs(instance, settings) as tags:
        for job in jobs:
            execute_recorded(
                job, instance, account_name=settings.account_name, run_config=quiet, tags=tags
            )
            if is_stopping():
                raise KeyboardInterrupt
