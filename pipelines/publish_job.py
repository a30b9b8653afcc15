"""Dagster's job that publishes what has changed, every morning; only if a target is set."""

import dagster as dg

from assets.framework.orchestration.asset_keys import AssetKeys
from pipelines.folder_account import owner_of
from pipelines.open_folder import open_lake
from pipelines.pending_builds import build_all_pending
from pipelines.publish_target import account_of, required_extra, target_of
from pipelines.run_locks import run_lock
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from pipelines.tariffs.tariff_store import stored_currency
from warehouse.errors import WarehouseError

PUBLISH_JOB = "publish"


def publish_job(settings: Settings) -> dg.JobDefinition:
    """Return the job that publishes to the target that is set."""

    @dg.op(name="publish_tables", description="Publishes what has changed as Delta tables.")
    def publish_tables(context: dg.OpExecutionContext) -> None:
        try:
            required_extra()
            # Imported here, because most runs publish nothing.
            from pipelines.publishable import publishable
            from warehouse.publish.publication import PublicationOptions, publish_folder

            with run_lock(settings.data, context.run_id), open_lake(settings) as lake:
                build_all_pending(lake, report_progress=context.log.info, record_days=False)
                done = publish_folder(
                    lake,
                    target_of(settings),
                    account_of(settings, lake),
                    publishable(stored_currency(settings.data)),
                    PublicationOptions(owner=owner_of(lake.state), wait_s=None),
                )
        except (SettingsError, WarehouseError) as error:
            raise dg.Failure(str(error)) from error
        context.add_output_metadata(
            {
                "commits": sum(each.commits for each in done.tables),
                "files": sum(each.files for each in done.tables),
                "rows": sum(each.rows for each in done.tables),
                "bytes": sum(each.bytes for each in done.tables),
                "old files removed": done.removed_objects,
                "seconds": done.seconds,
            }
        )
        if done.errors:
            raise dg.Failure(" ".join(f"{sentence}." for sentence in done.errors))

    @dg.job(
        name=PUBLISH_JOB,
        description="Publishes tables and marts to other engines.",
        tags=AssetKeys(settings.account_name).tags(),
    )
    def publish_tables_job() -> None:
        publish_tables()

    return publish_tables_job


def publish_schedule(job: dg.JobDefinition, zone: str) -> dg.ScheduleDefinition:
    """Schedule the publication for every morning, after the daily schedules."""
    return dg.ScheduleDefinition(
        name="publish_daily",
        job=job,
        cron_schedule="30 6 * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Publishes what has changed to GIVLAKE_PUBLISH_TO.",
    )
