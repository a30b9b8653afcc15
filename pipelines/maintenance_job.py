"""Upkeep in Dagster: the archive is compacted every night."""

import dagster as dg

from pipelines.maintenance import compact_archive
from pipelines.pending_builds import build_all_pending
from pipelines.session_factory import open_lake
from pipelines.settings import load_settings


@dg.op(description="Merge the archive's small segments into large sorted packs.")
def compact_segments(context: dg.OpExecutionContext) -> None:
    """Pack, and say what that did in the metadata of the run."""
    with open_lake(load_settings()) as lake:
        build_all_pending(lake, say=context.log.info, note_days=False)
        report = compact_archive(lake)
    context.add_output_metadata(
        {
            "files merged": report.merged_files,
            "packs written": report.packs_written,
            "bytes before": report.bytes_before,
            "bytes after": report.bytes_after,
        }
    )
    for sentence in report.damaged:
        context.log.warning(sentence)


@dg.job(name="compact_archive", description="Merge the archive's small segments into large packs.")
def compact_archive_job() -> None:
    """Run the one op."""
    compact_segments()


def compaction_schedule(zone: str) -> dg.ScheduleDefinition:
    """Compact the archive every night, after the daily schedules."""
    return dg.ScheduleDefinition(
        name="compact_archive_daily",
        job=compact_archive_job,
        cron_schedule="50 5 * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Packs the archive.",
    )
