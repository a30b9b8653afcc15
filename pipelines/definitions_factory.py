"""Build Dagster's definitions for a data folder: assets, jobs, schedules, checks, resources.

No request is made and nothing is written. Dagster loads `pipelines.definitions`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.catalogue_views import derived_views_with_reads, types_of_columns
from assets.framework.code_views import code_views
from assets.framework.contract.dataset import Cadence, Dataset, DeviceList
from assets.framework.contract.device_asking import DeviceAskingDataset
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.orchestration.asset_keys import AssetKeys
from assets.framework.orchestration.dataset_asset import dataset_asset
from assets.framework.orchestration.view_assets import view_asset_spec
from pipelines.alerts.sensors import alert_sensors
from pipelines.health.data_checks import data_check_schedule, drift_check, reconciliation_checks
from pipelines.health.history_check import check_schedule, history_check
from pipelines.health.mart_checks import mart_checks
from pipelines.maintenance_job import compaction_job, compaction_schedule
from pipelines.open_folder import stored_zone
from pipelines.partitions import daily_partitions
from pipelines.publish_job import publish_job, publish_schedule
from pipelines.reports.report_job import report_job, report_schedule
from pipelines.resources import api_resources, silent_reporter
from pipelines.schedules import (
    daily_schedule,
    poll_schedule,
    snapshot_schedule,
    source_schedule,
    today_schedule,
)
from pipelines.selection import daily, lists_for, selected, selected_snapshots
from pipelines.settings import Settings
from pipelines.source_job import SOURCE_JOB, source_job
from warehouse.standard_views import SYSTEM_VIEWS

REFRESH_JOB = "refresh"
POLL_JOB = "poll"
_CHECK_HISTORY_JOB, _CHECK_DATA_JOB = CHECK_JOBS = ("check_history", "check_data")


def job_name(dataset_name: str) -> str:
    """Return the name of the job that ingests a daily dataset."""
    return f"ingest_{dataset_name}"


def build_definitions(
    settings: Settings,
    resource_overrides: Mapping[str, object] | None = None,
    datasets: Sequence[Dataset] | None = None,
) -> dg.Definitions:
    """Build the definitions; everything in them uses these settings.

    Args:
        settings: The settings of the process.
        resource_overrides: Resources that replace the standard ones, by name.
        datasets: The datasets to include; None takes those that the settings select.
    """
    chosen = selected(settings) if datasets is None else datasets
    lists = lists_for(chosen)
    chosen = [*chosen, *(device_list for device_list in lists if device_list not in chosen)]
    keys = AssetKeys(settings.account_name)
    zone = stored_zone(settings)
    types = types_of_columns()
    snapshot_assets = {
        dataset: dataset_asset(keys, dataset, _deps(keys, dataset, lists), types)
        for dataset in selected_snapshots(chosen)
    }
    polled = [
        asset for dataset, asset in snapshot_assets.items() if dataset.cadence is Cadence.EVERY_POLL
    ]
    asking = [each for each in snapshot_assets if isinstance(each, DeviceAskingDataset)]
    compaction = compaction_job(settings)
    assets: list[dg.AssetsDefinition] = list(snapshot_assets.values())
    jobs: list[Any] = [
        dg.define_asset_job(
            REFRESH_JOB,
            _select(assets),
            description="Fetches all snapshot datasets.",
            tags=keys.tags(),
        ),
        dg.define_asset_job(
            POLL_JOB, _select(polled), description="Fetches perishable data.", tags=keys.tags()
        ),
        compaction,
    ]
    schedules = [
        compaction_schedule(compaction, zone),
        poll_schedule(POLL_JOB, settings, zone),
        snapshot_schedule(
            REFRESH_JOB, [each for each in snapshot_assets if each not in asking], settings, zone
        ),
    ]
    if asking:
        schedules.append(
            snapshot_schedule(
                REFRESH_JOB,
                asking,
                settings,
                zone,
                name="read_settings",
                # Later than all others, in a run of its own: nothing waits for slow devices.
                cron="20 5 * * *",
                description="Reads the settings that are due from the inverters, one by one.",
            )
        )
    if settings.report is not None:
        sending = report_job(settings, zone)
        jobs.append(sending)
        schedules.append(report_schedule(sending.name, settings, zone))
    if settings.publish_to is not None:
        publishing = publish_job(settings)
        jobs.append(publishing)
        schedules.append(publish_schedule(publishing, zone))
    if settings.source_url is not None:
        filling = source_job(settings)
        jobs.append(filling)
        schedules.append(source_schedule(SOURCE_JOB, settings, zone))
    checks = []
    for dataset in daily(chosen):
        days = daily_partitions(settings, dataset.name)
        asset = dataset_asset(keys, dataset, _deps(keys, dataset, lists), types, days)
        job = dg.define_asset_job(job_name(dataset.name), _select([asset]), tags=keys.tags())
        assets.append(asset)
        jobs.append(job)
        schedules += [
            daily_schedule(dataset, job.name, settings, zone),
            today_schedule(dataset, job.name, settings, zone),
        ]
        checks.append(history_check(keys, dataset, settings))
    if checks:
        selection = dg.AssetSelection.checks(*checks)
        check_job = dg.define_asset_job(_CHECK_HISTORY_JOB, selection=selection, tags=keys.tags())
        jobs.append(check_job)
        schedules.append(check_schedule(check_job.name, zone))
    views = _views(keys, chosen)
    data_checks = [
        *reconciliation_checks(keys, chosen, settings),
        *(drift_check(keys, dataset, settings) for dataset in chosen),
        *mart_checks(keys, [view.key for view in views], settings),
    ]
    data_job = dg.define_asset_job(
        _CHECK_DATA_JOB, dg.AssetSelection.checks(*data_checks), tags=keys.tags()
    )
    jobs.append(data_job)
    schedules.append(data_check_schedule(data_job.name, zone))
    return dg.Definitions(
        assets=[*assets, *views],
        asset_checks=[*checks, *data_checks],
        jobs=jobs,
        schedules=schedules,
        sensors=alert_sensors(settings),
        # Threads are enough: more processes would share the same request budget.
        executor=dg.in_process_executor,
        resources={
            **api_resources(settings),
            "reporter": silent_reporter,
            **(resource_overrides or {}),
        },
    )


def _views(keys: AssetKeys, datasets: Sequence[Dataset]) -> list[dg.AssetSpec]:
    """List the views of which the datasets have all tables, but no macros."""
    tables = [spec for dataset in datasets for spec in DatasetDecoder(dataset).tables]
    known = {
        name: [keys.named(spec.name)] for spec in tables for name in (spec.name, spec.version_view)
    }
    # Of what belongs to no dataset there are no assets.
    known |= {name: [] for name in (*SYSTEM_VIEWS, *(view.name for view in code_views()))}
    specs = []
    for view in derived_views_with_reads():
        if known.keys() >= set(view.reads):
            deps = list(dict.fromkeys(key for name in view.reads for key in known[name]))
            if view.spec.parameters:
                # A macro has no rows of its own: who reads it depends on what it reads.
                known[view.spec.name] = deps
                continue
            columns = types_of_columns()[view.spec.name]
            spec = view_asset_spec(keys, view.spec, view.group, deps, columns)
            known[view.spec.name] = [spec.key]
            specs.append(spec)
    return specs


def _deps(keys: AssetKeys, dataset: Dataset, lists: Sequence[DeviceList]) -> list[dg.AssetKey]:
    """List the tables from which a dataset derives its requests."""
    device_tables = [
        keys.table(device_list.main)
        for device_list in lists
        if device_list is not dataset and set(device_list.kinds) & set(dataset.device_kinds)
    ]
    return device_tables + [keys.named(name) for name in dataset.depends_on]


def _select(assets: Sequence[dg.AssetsDefinition]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*assets).without_checks()
