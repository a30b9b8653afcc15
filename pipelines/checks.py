"""Asset checks: what a person should look at although every run was green."""

import dagster as dg

from assets.framework.daily_asset import table_key
from assets.framework.dataset import Dataset
from pipelines.discovery import known_devices
from pipelines.session import open_lake
from pipelines.settings import load_settings
from pipelines.status import overview
from warehouse import State


def history_check(dataset: Dataset) -> dg.AssetChecksDefinition:
    """Warn of devices of which no history has been asked for yet, such as new ones."""

    @dg.asset_check(
        asset=table_key(dataset),
        name="every_device_has_history",
        description="Is there a device of which nothing has been asked for?",
    )
    def _check() -> dg.AssetCheckResult:
        with open_lake(load_settings()) as lake:
            states = overview(lake, dataset, known_devices(lake))
        without = [
            device.device_id
            for device in states.devices
            if set(device.days_by_state) <= {State.NEVER_ASKED}
        ]
        commands = [f"givlake backfill --device {device_id}" for device_id in without]
        return dg.AssetCheckResult(
            passed=not without,
            severity=dg.AssetCheckSeverity.WARN,
            description=(
                "Every device has some history."
                if not without
                else f"{len(without)} devices have none; fetch it with: {'; '.join(commands)}"
            ),
            metadata={"devices without history": without},
        )

    return _check


def check_schedule(job_name: str, zone: str) -> dg.ScheduleDefinition:
    """Check every morning."""
    return dg.ScheduleDefinition(
        name="check_history_daily",
        job_name=job_name,
        cron_schedule="30 6 * * *",
        execution_timezone=zone,
        description="Looks for devices of which nothing has been asked for.",
    )
