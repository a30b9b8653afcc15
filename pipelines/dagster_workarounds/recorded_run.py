"""Runs in this process that Dagster shows, and re-executes, like runs that it has started itself.

`JobDefinition.execute_in_process` records no code location with a run: the run is missing in
Overview and Jobs, and Dagster's web server answers HTTP 500 if it is re-executed. `execute_job`
takes no resources of the caller, and records no code location either.

Needed with Dagster 1.13.27. Waits for: https://github.com/dagster-io/dagster/issues/19458, which is
closed as stale, without a repair.
"""

from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import make_new_run_id

from pipelines.dagster_workarounds.code_location import MODULE, REPOSITORY, location_name
from pipelines.dagster_workarounds.event_log import one_transaction


def execute_recorded(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    *,
    account_name: str | None,
    run_config: Mapping[str, object],
    tags: Mapping[str, str],
    asset_selection: Sequence[dg.AssetKey] | None = None,
) -> dg.JobExecutionResult:
    """Execute a job in this process, as a run of an account's code location.

    Args:
        job: The job.
        instance: Where to record the run.
        account_name: The name of the account, None if it has none.
        run_config: The run's configuration.
        tags: The run's tags, besides the job's.
        asset_selection: The assets to materialize; None for all of the job.
    """
    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        loadable_target_origin=LoadableTargetOrigin(module_name=MODULE),
        location_name=location_name(account_name),
    )
    run_id = make_new_run_id()
    # An event is stored for each asset and partition that the run is planned to materialize.
    with one_transaction(instance, run_id):
        run = instance.create_run_for_job(
            job_def=job,
            run_id=run_id,
            run_config=run_config,
            tags={**job.run_tags, **tags},
            asset_selection=None if asset_selection is None else frozenset(asset_selection),
            remote_job_origin=RemoteJobOrigin(
                RemoteRepositoryOrigin(location, REPOSITORY), job.name
            ),
        )
    return execute_run(InMemoryJob(job), run, instance)
