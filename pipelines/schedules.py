"""When runs start by themselves: daily to close what is open, more often for today.

Both name their days explicitly, decided from the states in the archive.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.dataset import Dataset
from assets.framework.devices import local_day
from assets.framework.plan import plan
from pipelines.discovery import known_devices
from pipelines.partitions import range_tags
from pipelines.session import open_lake, stored_zone
from pipelines.settings import load_settings
from warehouse import State

# How far back the daily schedule looks for days that are open or failed; `givlake backfill` and
# `givlake sync` look at all of history.
_LOOK_BACK_DAYS = 35
_KEEP_TICK_RUNS = timedelta(days=3)
_TODAY_TAG = "givlake/today"


def daily_schedule(dataset: Dataset, job_name: str, zone: str) -> dg.ScheduleDefinition:
    """Close yesterday and every day of the last weeks that is provisional or failed."""

    @dg.schedule(
        name=f"{dataset.name}_daily",
        job_name=job_name,
        cron_schedule="20 4 * * *",
        execution_timezone=zone,
        description="Closes yesterday, days that can still change and days that failed.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        now = context.scheduled_execution_time.astimezone(UTC)
        yesterday = local_day(now, zone) - timedelta(days=1)
        for first, last in _runs_of_days(_open_days(dataset, now) | {yesterday}):
            yield dg.RunRequest(
                run_key=f"{now:%Y-%m-%d} {first} {last}", tags=range_tags(first, last)
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


def _open_days(dataset: Dataset, now: datetime) -> set[date]:
    settings = load_settings()
    zone = stored_zone(settings)
    today = local_day(now, zone)
    with open_lake(settings) as lake:
        devices = known_devices(lake)
        first = today - timedelta(days=_LOOK_BACK_DAYS)
        parts = plan(lake, dataset, devices, first, today, zone, now=now)
        wanted = pa.concat_tables(parts)
    # A day that was never asked for is history, which is fetched when its owner says so.
    asked = wanted.filter(pc.not_equal(wanted["state"], str(State.NEVER_ASKED)))
    return set(asked["request_date"].to_pylist())


def _runs_of_days(days: set[date]) -> list[tuple[date, date]]:
    """Join days that follow each other, so that each range is one run."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(days):
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


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
