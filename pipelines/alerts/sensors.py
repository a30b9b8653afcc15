"""Alerts in Dagster: a sensor for runs that fail and one for days that are not there in time.

There are none without a place to send alerts to. Addresses come from the environment when they are
needed: neither definitions nor run configurations nor events hold any.
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines.alerts.failure_kinds import TROUBLE_LABEL, fault_of
from pipelines.alerts.send_alerts import AlertReport, send_alerts
from pipelines.session_factory import stored_zone
from pipelines.settings import Settings, load_settings

STARTED_BY = "givlake/started_by"
_EVERY_S = 900


def alert_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Make the sensors, if the owner has set where alerts go."""
    if not (settings.alert_urls or settings.alert_app):
        return []
    return [_run_failure(), _missed_completeness()]


def _run_failure() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert_run_failure",
        description="Tells of a run that failed, once for each cause.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def _sensor(context: dg.RunFailureSensorContext) -> None:
        # The command line tells by itself.
        if STARTED_BY in context.dagster_run.tags:
            return
        told = send_alerts(load_settings(), troubles=_troubles(context), since=_first_day(context))
        _log(context, told)

    return _sensor


def _missed_completeness() -> dg.SensorDefinition:
    @dg.sensor(
        name="alert_missed_completeness",
        description="Tells of what was wanted and is not there by the hour set, and when it is.",
        minimum_interval_seconds=_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        settings = load_settings()
        now = datetime.now(UTC)
        told = send_alerts(
            settings,
            unasked=is_due(now, settings, stored_zone(settings)),
            mended=_mended(context.instance),
            now=now,
        )
        _log(context, told)
        return dg.SkipReason(f"{told.messages} messages sent; there is nothing to run.")

    return _sensor


def is_due(now: datetime, settings: Settings, zone: str) -> bool:
    """Whether yesterday should be there by now."""
    return now.astimezone(ZoneInfo(zone)).time() >= settings.alert_by


def _troubles(context: dg.RunFailureSensorContext) -> list[str]:
    """Name what the run met before it could ask for days; nothing if the states tell of it."""
    troubles = set()
    failures = context.get_step_failure_events()
    for event in failures:
        data = event.step_failure_data.user_failure_data
        if data is None:
            troubles.add(fault_of(context.dagster_run.job_name))
        elif (label := data.metadata.get(TROUBLE_LABEL)) is not None:
            troubles.add(str(label.value))
    if not failures:
        troubles.add(fault_of(context.dagster_run.job_name))
    return sorted(troubles)


def _first_day(context: dg.RunFailureSensorContext) -> date | None:
    """The first day that the run was about, if it was about days."""
    tags = context.dagster_run.tags
    day = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    return date.fromisoformat(day) if day else None


def _mended(instance: dg.DagsterInstance) -> list[str]:
    """The jobs whose newest finished run was a success."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    newest: dict[str, dg.DagsterRunStatus] = {}
    for run in instance.get_runs(dg.RunsFilter(statuses=ended), limit=200):
        newest.setdefault(run.job_name, run.status)
    return [job for job, status in newest.items() if status is dg.DagsterRunStatus.SUCCESS]


def _log(
    context: dg.RunFailureSensorContext | dg.SensorEvaluationContext, told: AlertReport
) -> None:
    for sentence in told.trouble:
        context.log.warning(sentence)
