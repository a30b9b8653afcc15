"""Dagster's maintenance job, which compacts the archive every night."""

import dagster as dg

from assets.framework.orchestration.asset_keys import AssetKeys
from pipelines.maintenance import compact_archive
from pipelines.open_folder import open_lake
from pipelines.pending_builds import build_all_pending
from pipelines.run_locks import run_lock
from pipelines.settings import Settings


def compaction_job(settings: Settings) -> dg.JobDefinition:
    """Return the job that compacts the archive."""

    @dg.op(description="Merges the archive's small segments into large sorted packs.")
    def compact_segments(context: dg.OpExecutionContext) -> None:
        with run_lock(settings.data, context.run_id), open_lake(settings) as lake:
            build_all_pending(lake, report_progress=context.log.info, record_days=False)
            report = compact_archive(lake)
        context.add_output_metadata(
            {
                "files merged": report.merged_files,
                "packs written": report.packs_written,
                "bytes before": report.bytes_before,
                "bytes after": report.bytes_after,
            }
        )
        for message in report.damaged:
            context.log.warning(message)

    @dg.job(
        name="compact_archive",
        description="Compacts the archive.",
        tags=AssetKeys(settings.account_name).tags(),
    )
    def compact_archive_job() -> None:
        compact_segments()

    return compact_archive_job


def compaction_schedule(job: dg.JobDefinition, zone: str) -> dg.ScheduleDefinition:
    """Schedule the compaction for every night, after the daily schedules."""
    return dg.ScheduleDefinition(
        name="compact_archive_daily",
        job=job,
        cron_schedule="50 5 * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compacts the archive.",
    )
