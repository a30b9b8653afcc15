"""Dagster's job that asks the second source for what the API has not given; only if one is set."""

import dagster as dg

from assets.framework.orchestration.asset_keys import AssetKeys
from givenergy.errors import GivEnergyError
from pipelines.pending_builds import build_all_pending
from pipelines.run_locks import run_lock
from pipelines.selection import selected
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from pipelines.source_fill import devices_of, fill, requested_of
from pipelines.source_session import open_source_session
from warehouse.errors import WarehouseError

SOURCE_JOB = "fill_from_second_source"


def source_job(settings: Settings) -> dg.JobDefinition:
    """Return the job that fetches from the second source."""
    chosen = selected(settings)

    @dg.op(name="fill_days", description="Fetches what the API has not given.")
    def fill_days(context: dg.OpExecutionContext) -> None:
        try:
            with (
                run_lock(settings.data, context.run_id),
                open_source_session(
                    settings, settings.source_name, tell=context.log.warning
                ) as session,
            ):
                build_all_pending(session.lake, report_progress=context.log.info, record_days=False)
                tasks = requested_of(session, chosen, devices_of(session, chosen))
                reports = fill(session, tasks)
        except (SettingsError, WarehouseError, GivEnergyError) as error:
            raise dg.Failure(str(error)) from error
        context.add_output_metadata(
            {
                "device-days": sum(report.total.done for report in reports),
                "rows": sum(report.total.rows for report in reports),
                "requests": sum(report.total.requests for report in reports),
            }
        )
        failed = [str(report.stopped) for report in reports if report.stopped is not None]
        failed += [result.message for report in reports for result in report.failures]
        if failed:
            raise dg.Failure(" ".join(dict.fromkeys(failed)))

    @dg.job(
        name=SOURCE_JOB,
        description="Fetches from the second source what the API has not given.",
        tags=AssetKeys(settings.account_name).tags(),
    )
    def fill_from_second_source() -> None:
        fill_days()

    return fill_from_second_source
