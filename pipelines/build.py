"""Assets, jobs, schedules, checks and resources, put together for a data folder.

Neither makes a request nor writes anything. What Dagster loads stands in `pipelines.definitions`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.daily_asset import daily_asset, table_key
from assets.registry import daily_datasets
from pipelines.checks import check_schedule, history_check
from pipelines.device_assets import communication_devices
from pipelines.partitions import daily_partitions
from pipelines.resources import GivEnergyApi, RateLimit, silent_reporter
from pipelines.schedules import daily_schedule, today_schedule
from pipelines.session import stored_zone
from pipelines.settings import Settings
from pipelines.upkeep_job import pack_archive_job, pack_schedule


def job_name(dataset_name: str) -> str:
    """Name the job that ingests a dataset."""
    return f"ingest_{dataset_name}"


def build_definitions(
    settings: Settings, resource_overrides: Mapping[str, object] | None = None
) -> dg.Definitions:
    """Make the definitions.

    Args:
        settings: where the data folder is, and the time zone.
        resource_overrides: resources to use instead of the standard ones.
    """
    partitions = daily_partitions(settings)
    zone = stored_zone(settings)
    assets: list[dg.AssetsDefinition] = [communication_devices]
    discovery = dg.define_asset_job("discover_devices", selection=[communication_devices])
    jobs: list[Any] = [discovery, pack_archive_job]
    schedules = [pack_schedule(zone)]
    checks = []
    for dataset in daily_datasets():
        asset = daily_asset(dataset, partitions, deps=[table_key(COMMUNICATION_DEVICES)])
        selection = dg.AssetSelection.assets(asset).without_checks()
        job = dg.define_asset_job(job_name(dataset.name), selection=selection)
        assets.append(asset)
        jobs.append(job)
        schedules += [
            daily_schedule(dataset, job.name, zone),
            today_schedule(dataset, job.name, zone),
        ]
        checks.append(history_check(dataset))
    check_job = dg.define_asset_job("check_history", selection=dg.AssetSelection.checks(*checks))
    jobs.append(check_job)
    schedules.append(check_schedule(check_job.name, zone))
    rate_limit = RateLimit(reserve=settings.reserve)
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=jobs,
        schedules=schedules,
        # Budget and threads give the parallelism: more processes would only share the same budget.
        executor=dg.in_process_executor,
        resources={
            "rate_limit": rate_limit,
            "givenergy": GivEnergyApi(rate_limit=rate_limit),
            "reporter": silent_reporter,
            **(resource_overrides or {}),
        },
    )
