"""Alerts in Dagster: a sensor for runs that fail and one for days that are overdue.

There are none without a channel to send alerts to. Sensors hold the settings in memory only:
neither the definitions that Dagster shows nor run configurations nor events contain an address.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from givenergy.server_clock import utc_now
from pipelines.alerts.failure_kinds import FAILURE_KIND_LABEL, unexpected_failure_of
from pipelines.alerts.send_alerts import AlertReport, send_alerts
from pipelines.dagster_workarounds.code_location import own_runs
from pipelines.open_folder import stored_zone
from pipelines.settings import Settings

STARTED_BY = "givlake/started_by"
_EVERY_S = 900


def alert_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Make the sensors, if the owner has set a channel."""
    if not (settings.alert_urls or settings.alert_app):
        return []
    return [_run_failure(settings), _missed_completeness(settings)]


def _run_failure(settings: Settings) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert_run_failure",
        description="Sends one alert per cause when a run fails.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def _sensor(context: dg.RunFailureSensorContext) -> None:
        # The command line sends its own alerts; a run that re-executes its run has its tags.
        run = context.dagster_run
        if STARTED_BY in run.tags and run.parent_run_id is None:
            return
        failures, since = _failure_kinds(context), _first_day(context)
        _log(context, send_alerts(settings, failures=failures, since=since))

    return _sensor


def _missed_completeness(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name="alert_missed_completeness",
        description="Sends one alert per cause for days that are overdue, and one when resolved.",
        minimum_interval_seconds=_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = utc_now()
        report = send_alerts(
            settings,
            unrequested=is_due(now, settings, stored_zone(settings)),
            recovered_jobs=_recovered_jobs(context.instance, settings),
            now=now,
        )
        _log(context, report)
        return dg.SkipReason(f"Messages sent: {report.messages}. This sensor starts no run.")

    return _sensor


def is_due(now: datetime, settings: Settings, zone: str) -> bool:
    """Return whether yesterday should be complete by now."""
    return now.astimezone(ZoneInfo(zone)).time() >= settings.alert_by


def _failure_kinds(context: dg.RunFailureSensorContext) -> list[str]:
    """Return why the run failed before it could request days; empty if the states show it."""
    kinds = set()
    failures = context.get_step_failure_events()
    for event in failures:
        data = event.step_failure_data.user_failure_data
        if data is None:
            kinds.add(unexpected_failure_of(context.dagster_run.job_name))
        elif (label := data.metadata.get(FAILURE_KIND_LABEL)) is not None:
            kinds.add(str(label.value))
    if not failures:
        kinds.add(unexpected_failure_of(context.dagster_run.job_name))
    return sorted(kinds)


def _first_day(context: dg.RunFailureSensorContext) -> date | None:
    """Return the first day of the run's range, if it has one."""
    tags = context.dagster_run.tags
    day = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    return date.fromisoformat(day) if day else None


def _recovered_jobs(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """List the account's jobs whose newest finished run succeeded."""
    ended = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    newest: dict[str, dg.DagsterRunStatus] = {}
    for record in instance.get_run_records(own_runs(settings.account_name, *ended), limit=200):
        newest.setdefault(record.dagster_run.job_name, record.dagster_run.status)
    return [job for job, status in newest.items() if status is dg.DagsterRunStatus.SUCCESS]


def _log(
    context: dg.RunFailureSensorContext | dg.SensorEvaluationContext, report: AlertReport
) -> None:
    for sentence in report.errors:
        context.log.warning(sentence)
