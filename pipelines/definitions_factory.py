"""Assets, jobs, schedules, checks and resources, put together for a data folder.

Neither makes a request nor writes anything. What Dagster loads stands in `pipelines.definitions`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.framework.contract.dataset import Cadence, Dataset, DeviceList
from assets.framework.orchestration.asset_keys import table_key
from assets.framework.orchestration.dataset_asset import dataset_asset
from pipelines.alerts.sensors import alert_sensors
from pipelines.health.data_checks import data_check_schedule, drift_check, reconciliation_checks
from pipelines.health.history_check import check_schedule, history_check
from pipelines.maintenance_job import compact_archive_job, compaction_schedule
from pipelines.partitions import daily_partitions
from pipelines.resources import GivEnergyApi, RateLimit, silent_reporter
from pipelines.schedules import daily_schedule, poll_schedule, snapshot_schedule, today_schedule
from pipelines.selection import daily, lists_for, selected, selected_snapshots
from pipelines.session_factory import stored_zone
from pipelines.settings import Settings

REFRESH_JOB = "refresh"
POLL_JOB = "poll"


def job_name(dataset_name: str) -> str:
    """Name the job that ingests a dataset asked for by day."""
    return f"ingest_{dataset_name}"


def build_definitions(
    settings: Settings,
    resource_overrides: Mapping[str, object] | None = None,
    datasets: Sequence[Dataset] | None = None,
) -> dg.Definitions:
    """Make the definitions.

    Args:
        settings: where the data folder is, the time zone, which datasets run.
        resource_overrides: resources to use instead of the standard ones.
        datasets: other datasets than the settings name.
    """
    chosen = selected(settings) if datasets is None else datasets
    lists = lists_for(chosen)
    chosen = [*chosen, *(found for found in lists if found not in chosen)]
    zone = stored_zone(settings)
    snapshot_assets = {
        dataset: dataset_asset(dataset, _deps(dataset, lists))
        for dataset in selected_snapshots(chosen)
    }
    polled = [
        asset for dataset, asset in snapshot_assets.items() if dataset.cadence is Cadence.EVERY_POLL
    ]
    assets: list[dg.AssetsDefinition] = list(snapshot_assets.values())
    jobs: list[Any] = [
        dg.define_asset_job(REFRESH_JOB, _of(assets), description="Everything but days."),
        dg.define_asset_job(POLL_JOB, _of(polled), description="What cannot be had later."),
        compact_archive_job,
    ]
    schedules = [
        compaction_schedule(zone),
        poll_schedule(POLL_JOB, settings.poll_minutes, zone),
        snapshot_schedule(REFRESH_JOB, list(snapshot_assets), zone),
    ]
    checks = []
    for dataset in daily(chosen):
        days = daily_partitions(settings, dataset.name)
        asset = dataset_asset(dataset, _deps(dataset, lists), days)
        job = dg.define_asset_job(job_name(dataset.name), _of([asset]))
        assets.append(asset)
        jobs.append(job)
        schedules += [
            daily_schedule(dataset, job.name, zone),
            today_schedule(dataset, job.name, zone),
        ]
        checks.append(history_check(dataset))
    if checks:
        selection = dg.AssetSelection.checks(*checks)
        check_job = dg.define_asset_job("check_history", selection=selection)
        jobs.append(check_job)
        schedules.append(check_schedule(check_job.name, zone))
    data_checks = [*reconciliation_checks(chosen), *map(drift_check, chosen)]
    data_job = dg.define_asset_job("check_data", dg.AssetSelection.checks(*data_checks))
    jobs.append(data_job)
    schedules.append(data_check_schedule(data_job.name, zone))
    rate_limit = RateLimit(reserve=settings.reserve)
    return dg.Definitions(
        assets=assets,
        asset_checks=[*checks, *data_checks],
        jobs=jobs,
        schedules=schedules,
        sensors=alert_sensors(settings),
        # Budget and threads give the parallelism: more processes would only share the same budget.
        executor=dg.in_process_executor,
        resources={
            "rate_limit": rate_limit,
            "givenergy": GivEnergyApi(rate_limit=rate_limit),
            "reporter": silent_reporter,
            **(resource_overrides or {}),
        },
    )


def _deps(dataset: Dataset, lists: Sequence[DeviceList]) -> list[dg.AssetKey]:
    """Name the tables that tell a dataset what to ask for."""
    of_devices = [
        table_key(found.main)
        for found in lists
        if found is not dataset and set(found.kinds) & set(dataset.device_kinds)
    ]
    return of_devices + [dg.AssetKey(name) for name in dataset.depends_on]


def _of(assets: Sequence[dg.AssetsDefinition]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*assets).without_checks()
