"""When runs start by themselves: daily to close what is open, more often for today.

Both name their days explicitly, decided from the states in the archive.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.framework.dataset import Dataset
from assets.framework.devices import local_day
from pipelines.discovery import known_devices
from pipelines.errands import Errand, runs, wished
from pipelines.partitions import range_tags
from pipelines.session import open_lake, stored_zone
from pipelines.settings import load_settings
from pipelines.wishes import remember_sync

# How far back the daily schedule looks for days that are open or failed; `givlake backfill` and
# `givlake sync` look at all of history.
_LOOK_BACK_DAYS = 35
_KEEP_TICK_RUNS = timedelta(days=3)
_TODAY_TAG = "givlake/today"


def daily_schedule(dataset: Dataset, job_name: str, zone: str) -> dg.ScheduleDefinition:
    """Close yesterday, and what was wanted in the last weeks and is missing or can still change."""

    @dg.schedule(
        name=f"{dataset.name}_daily",
        job_name=job_name,
        cron_schedule="20 4 * * *",
        execution_timezone=zone,
        description="Closes yesterday, days that can still change, that failed or were missed.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        now = context.scheduled_execution_time.astimezone(UTC)
        errands = _errands(dataset, now)
        if not errands:
            # Nobody has asked for the devices yet: the run does.
            yesterday = local_day(now, zone) - timedelta(days=1)
            yield dg.RunRequest(run_key=f"{now:%Y-%m-%d}", tags=range_tags(yesterday, yesterday))
        for errand, first, last in reversed(list(runs(errands))):
            config = {"ops": {dataset.name: {"config": {"devices": errand.device_ids}}}}
            yield dg.RunRequest(
                run_key=f"{now:%Y-%m-%d} {first} {last} {' '.join(errand.device_ids[:3])}",
                tags=range_tags(first, last),
                run_config=config,
            )

    return _schedule


def today_schedule(dataset: Dataset, job_name: str, zone: str) -> dg.ScheduleDefinition:
    """Fetch today again every half hour."""

    @dg.schedule(
        name=f"{dataset.name}_today",
        job_name=job_name,
        cron_schedule="*/30 * * * *",
        execution_timezone=zone,
        description="Brings today up to date; runs older than three days are removed.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        now = context.scheduled_execution_time.astimezone(UTC)
        _prune(context.instance, dataset, now - _KEEP_TICK_RUNS)
        today = local_day(now, zone)
        return dg.RunRequest(
            run_key=now.isoformat(), tags={**range_tags(today, today), _TODAY_TAG: dataset.name}
        )

    return _schedule


def _errands(dataset: Dataset, now: datetime) -> list[Errand]:
    """List what was wanted of the last weeks until yesterday, as `givlake sync` does of all."""
    settings = load_settings()
    zone = stored_zone(settings)
    today = local_day(now, zone)
    yesterday = today - timedelta(days=1)
    with open_lake(settings) as lake:
        remember_sync(lake, dataset.name, today)
        errands = wished(lake, dataset, known_devices(lake))
        for errand in errands:
            errand.start = max(errand.start, today - timedelta(days=_LOOK_BACK_DAYS))
            errand.end = min(errand.end, yesterday)
            errand.look(lake, zone, now=now)
            if errand.start <= yesterday == errand.end:
                # Named although nothing may be missing, so that the day shows in Dagster.
                errand.to_fetch[yesterday] += 0
    return errands


def _prune(instance: dg.DagsterInstance, dataset: Dataset, before: datetime) -> None:
    """Remove finished tick runs, of which there are dozens a day."""
    old = instance.get_run_records(
        dg.RunsFilter(
            tags={_TODAY_TAG: dataset.name},
            statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE],
            created_before=before,
        ),
        limit=200,
    )
    for record in old:
        instance.delete_run(record.dagster_run.run_id)
