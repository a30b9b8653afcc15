"""Dagster's job that sends the report of the last week or month, and its schedule."""

from datetime import UTC, date

import dagster as dg

from assets.framework.contract.devices import local_day
from assets.framework.orchestration.asset_keys import AssetKeys
from givenergy.server_clock import corrected, utc_now
from pipelines.alerts.failure_kinds import (
    FAILURE_KIND_LABEL,
    REPORT_JOB,
    failure_kind_of,
    unexpected_failure_of,
)
from pipelines.reports.report_period import MONTH, WEEK, ReportPeriod, last_whole, period_of
from pipelines.run_locks import run_lock
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from warehouse.errors import WarehouseError

_KINDS = {"weekly": WEEK, "monthly": MONTH}
_CRONS = {"weekly": "30 8 * * 1", "monthly": "30 8 1 * *"}
# A mail server that rejects the first message of a sender accepts it some minutes later.
_RETRIES = dg.RetryPolicy(max_retries=2, delay=600)


class _ReportConfig(dg.Config):
    """What to send.

    Attributes:
        day: A day of the week or month, as in 2025-06-01; "" is in the last whole one.
    """

    day: str = ""


def report_job(
    settings: Settings, zone: str, retries: dg.RetryPolicy = _RETRIES
) -> dg.JobDefinition:
    """Return the job that sends the reports of all sites.

    Args:
        settings: The channels, and how often to send reports.
        zone: The time zone of the days.
        retries: How often and when to send again what could not be sent.
    """
    kind = _KINDS[settings.report or "monthly"]

    @dg.op(name=REPORT_JOB, description="Sends the report of each site.", retry_policy=retries)
    def send_reports(context: dg.OpExecutionContext, config: _ReportConfig) -> None:
        # Imported here, because most runs send no report.
        from pipelines.reports.site_reports import send_site_reports

        period = _period(kind, config.day, zone)
        try:
            with run_lock(settings.data, context.run_id):
                report = send_site_reports(settings, period, context.log.info)
        except (SettingsError, WarehouseError) as error:
            failure = {FAILURE_KIND_LABEL: failure_kind_of(error, REPORT_JOB)}
            raise dg.Failure(str(error), metadata=failure) from error
        if report.errors:
            failure = {FAILURE_KIND_LABEL: unexpected_failure_of(REPORT_JOB)}
            raise dg.Failure(" ".join(report.errors), metadata=failure)
        context.add_output_metadata({"messages sent": report.messages})

    @dg.job(
        name=REPORT_JOB,
        description="Sends reports to the channels of alerts.",
        tags=AssetKeys(settings.account_name).tags(),
    )
    def send_report_job() -> None:
        send_reports()

    return send_report_job


def report_schedule(job_name: str, settings: Settings, zone: str) -> dg.ScheduleDefinition:
    """Schedule the reports for Monday, or for the first day of a month."""
    often = settings.report or "monthly"
    kind = _KINDS[often]

    @dg.schedule(
        name=f"{REPORT_JOB}_{often}",
        job_name=job_name,
        cron_schedule=_CRONS[often],
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Sends the report of the last {kind} of each site.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not (settings.alert_urls or settings.alert_app):
            return dg.SkipReason("No alert channel is set: set GIVLAKE_ALERT_URLS.")
        now = corrected(context.scheduled_execution_time.astimezone(UTC))
        period = last_whole(kind, local_day(now, zone))
        config = {"ops": {REPORT_JOB: {"config": {"day": period.first.isoformat()}}}}
        # Sent once, however often the schedule is evaluated.
        return dg.RunRequest(run_key=f"report {period.label}", run_config=config)

    return _schedule


def _period(kind: str, day: str, zone: str) -> ReportPeriod:
    if day:
        return period_of(kind, date.fromisoformat(day))
    return last_whole(kind, local_day(utc_now(), zone))
