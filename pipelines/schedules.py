"""The schedules: daily for days that are missing or not final, more often for today.

Both request explicit days, planned from the states in the archive.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.framework.contract.dataset import DailyDataset, SnapshotDataset
from assets.framework.contract.devices import local_day, of_kinds
from assets.framework.contract.known_state import KnownState
from assets.framework.ingestion.planner import due_datasets
from assets.framework.orchestration.asset_keys import AssetKeys
from givenergy.server_clock import corrected
from pipelines.backfill_plan import BackfillTask, plan_missing, requested_tasks, runs
from pipelines.dagster_workarounds.code_location import own_runs_tag
from pipelines.known_devices import known_devices, last_discovery
from pipelines.open_folder import open_lake, stored_zone
from pipelines.partitions import range_tags
from pipelines.pending_builds import include_built_days, pop_built_days
from pipelines.requested_ranges import remember_sync
from pipelines.settings import Settings
from pipelines.settings_to_read import setting_reads_of

# How far back the daily schedule plans days that are not final or failed; `givlake backfill` and
# `givlake sync` plan all of history.
_LOOK_BACK_DAYS = 35
_KEEP_TICK_RUNS = timedelta(days=3)
_TICK_TAG = "givlake/tick"


def daily_schedule(
    dataset: DailyDataset, job_name: str, settings: Settings, zone: str
) -> dg.ScheduleDefinition:
    """Make the schedule for yesterday, and requested days of the last weeks that need a fetch."""

    @dg.schedule(
        name=f"{dataset.name}_daily",
        job_name=job_name,
        cron_schedule="20 4 * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Fetches yesterday, and days that are not final, failed or were missed.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        now = context.scheduled_execution_time.astimezone(UTC)
        tasks = _tasks(dataset, settings, now)
        if not tasks:
            # The devices are not known yet: the run requests them.
            yesterday = local_day(now, zone) - timedelta(days=1)
            yield dg.RunRequest(run_key=f"{now:%Y-%m-%d}", tags=range_tags(yesterday, yesterday))
        for task, first, last in reversed(list(runs(tasks))):
            config = {"ops": {dataset.name: {"config": {"devices": task.device_ids}}}}
            yield dg.RunRequest(
                run_key=f"{now:%Y-%m-%d} {first} {last} {' '.join(task.device_ids[:3])}",
                tags=range_tags(first, last),
                run_config=config,
            )

    return _schedule


def today_schedule(
    dataset: DailyDataset, job_name: str, settings: Settings, zone: str
) -> dg.ScheduleDefinition:
    """Make the schedule that fetches today again several times a day."""

    @dg.schedule(
        name=f"{dataset.name}_today",
        job_name=job_name,
        cron_schedule=dataset.today_cron,
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Brings today up to date; runs older than three days are removed.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        now = context.scheduled_execution_time.astimezone(UTC)
        _prune(context.instance, settings, dataset.name, now - _KEEP_TICK_RUNS)
        today = local_day(now, zone)
        return dg.RunRequest(
            run_key=now.isoformat(), tags={**range_tags(today, today), _TICK_TAG: dataset.name}
        )

    return _schedule


def poll_schedule(job_name: str, settings: Settings, zone: str) -> dg.ScheduleDefinition:
    """Make the schedule for perishable data, latest readings and statuses, in one run."""
    minutes = settings.poll_minutes

    @dg.schedule(
        name="poll",
        job_name=job_name,
        cron_schedule=f"*/{minutes} * * * *" if minutes < 60 else "0 * * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Polls latest readings; runs older than three days are removed.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        now = context.scheduled_execution_time.astimezone(UTC)
        _prune(context.instance, settings, job_name, now - _KEEP_TICK_RUNS)
        return dg.RunRequest(run_key=now.isoformat(), tags={_TICK_TAG: job_name})

    return _schedule


def source_schedule(job_name: str, settings: Settings, zone: str) -> dg.ScheduleDefinition:
    """Make the schedule that asks the second source for what the API has not given."""

    @dg.schedule(
        name="fill_half_hourly",
        job_name=job_name,
        cron_schedule="10,40 * * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Fetches from GIVLAKE_SOURCE_URL what the API has not given; runs older than"
        " three days are removed.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        now = context.scheduled_execution_time.astimezone(UTC)
        _prune(context.instance, settings, job_name, now - _KEEP_TICK_RUNS)
        return dg.RunRequest(run_key=now.isoformat(), tags={_TICK_TAG: job_name})

    return _schedule


def snapshot_schedule(
    job_name: str,
    datasets: Sequence[SnapshotDataset],
    settings: Settings,
    zone: str,
    *,
    name: str = "refresh_daily",
    cron: str = "40 4 * * *",
    description: str = "Refreshes lists, sessions, events and sums that are due.",
) -> dg.ScheduleDefinition:
    """Make a schedule that requests every night what is due of snapshot datasets."""

    @dg.schedule(
        name=name,
        job_name=job_name,
        cron_schedule=cron,
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def _schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        now = context.scheduled_execution_time.astimezone(UTC)
        due = _due(datasets, settings, now)
        if not due:
            return dg.SkipReason("No snapshot dataset is due.")
        return dg.RunRequest(
            run_key=f"{now:%Y-%m-%d}",
            run_config={"ops": {dataset.name: {"config": {"refresh": False}} for dataset in due}},
            asset_selection=[
                key
                for dataset in due
                for key in AssetKeys(settings.account_name).of_dataset(dataset)
            ],
        )

    return _schedule


def _due(
    datasets: Sequence[SnapshotDataset], settings: Settings, now: datetime
) -> Sequence[SnapshotDataset]:
    """List the datasets with due requests, without a request."""
    with open_lake(settings) as lake:
        discovery = last_discovery(lake)
        if discovery is None:
            return datasets
        zone, now = stored_zone(settings), corrected(now)
        known_state = KnownState(
            lake,
            discovery.devices,
            "",
            now,
            zone,
            settings.range_days,
            setting_reads=setting_reads_of(settings),
        )
        return due_datasets(datasets, known_state)


def _tasks(dataset: DailyDataset, settings: Settings, now: datetime) -> list[BackfillTask]:
    """Plan the requested days of the last weeks until yesterday, as `givlake sync` plans all."""
    zone = stored_zone(settings)
    with open_lake(settings) as lake:
        now = corrected(now)
        today = local_day(now, zone)
        yesterday = today - timedelta(days=1)
        remember_sync(lake, dataset.name, today)
        tasks = requested_tasks(lake, dataset, of_kinds(known_devices(lake), dataset.device_kinds))
        for task in tasks:
            task.start = max(task.start, today - timedelta(days=_LOOK_BACK_DAYS))
            task.end = min(task.end, yesterday)
        tasks = [task for task in tasks if task.start <= task.end]
        plan_missing(lake, tasks, zone, now=now)
        for task in tasks:
            if task.end == yesterday:
                # Included even if nothing is missing, so that the day shows in Dagster.
                task.to_fetch[yesterday] += 0
        include_built_days(tasks, pop_built_days(lake, tasks))
    return tasks


def _prune(instance: dg.DagsterInstance, settings: Settings, tick: str, before: datetime) -> None:
    """Remove the account's finished tick runs, of which there are dozens a day."""
    old = instance.get_run_records(
        dg.RunsFilter(
            tags={_TICK_TAG: tick, **own_runs_tag(settings.account_name)},
            statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE],
            created_before=before,
        ),
        limit=200,
    )
    for record in old:
        instance.delete_run(record.dagster_run.run_id)
