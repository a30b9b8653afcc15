"""An asset check that finds devices without history although every run succeeded."""

import shlex

import dagster as dg

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import of_kinds
from assets.framework.orchestration.asset_keys import AssetKeys
from pipelines.health.asset_checks import asset_check
from pipelines.health.calendar import calendars, characters
from pipelines.health.overview import overview
from pipelines.known_devices import known_devices
from pipelines.open_folder import open_lake
from pipelines.recommended_commands import with_account
from pipelines.settings import Settings
from warehouse.coverage import State

_CALENDARS_SHOWN = 10


def history_check(
    keys: AssetKeys, dataset: DailyDataset, settings: Settings
) -> dg.AssetChecksDefinition:
    """Make the check that warns about devices without requested history, such as new ones."""

    def _check() -> dg.AssetCheckResult:
        with open_lake(settings) as lake:
            devices = of_kinds(known_devices(lake), dataset.device_kinds)
            summary = overview(lake, dataset, devices)
            shown = [device.device_id for device in devices[:_CALENDARS_SHOWN]]
            drawings = [characters(each) for each in calendars(lake, [dataset], shown)]
        without = [
            device.device_id
            for device in summary.devices
            if set(device.days_by_state) <= {State.NOT_REQUESTED}
        ]
        command = with_account("givlake backfill")
        commands = [f"{command} --device {shlex.quote(each)}" for each in without]
        return dg.AssetCheckResult(
            passed=not without,
            severity=dg.AssetCheckSeverity.WARN,
            description=(
                "Every device has requested history."
                if not without
                else f"Devices without history: {len(without)}. Fix: {'; '.join(commands)}"
            ),
            metadata={
                "devices without history": without,
                "days by state": {str(s): n for s, n in sorted(summary.days_by_state.items())},
                "calendars": dg.MetadataValue.md("\n\n".join(drawings)),
            },
        )

    spec = dg.AssetCheckSpec(
        "every_device_has_history",
        asset=keys.table(dataset.main),
        description="Does every device have requested history?",
    )
    return asset_check(spec, _check)


def check_schedule(job_name: str, zone: str) -> dg.ScheduleDefinition:
    """Schedule the check for every morning."""
    return dg.ScheduleDefinition(
        name="check_history_daily",
        job_name=job_name,
        cron_schedule="30 6 * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Finds devices without requested history.",
    )
