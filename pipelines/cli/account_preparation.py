"""What is done to an account before Dagster's processes show it and run its schedules."""

from collections.abc import Callable
from pathlib import Path

from pipelines.child_environment import refuse_env_file
from pipelines.cli.killed_runs import report_killed_runs, report_lost_runs
from pipelines.instance import open_instance, use_dagster_home
from pipelines.open_folder import open_lake
from pipelines.pending_builds import build_all_pending
from pipelines.settings import Settings


def prepare_account(settings: Settings, say: Callable[[str], object] = lambda _: None) -> Path:
    """Bring an account's data folder and Dagster's state of it up to date.

    Args:
        settings: The account's.
        say: Called with a line about longer work.

    Returns:
        The folder of Dagster's state.

    Raises:
        SettingsError: Dagster would load another settings file.
        WarehouseError: The data folder cannot be used.
    """
    home = use_dagster_home(settings)
    refuse_env_file(home)
    # Dagster's processes would create the instance at the same time and fail, so it is created
    # before they start.
    with open_instance(settings) as instance:
        report_killed_runs(instance, settings)
        report_lost_runs(instance, settings)
    with open_lake(settings) as lake:
        build_all_pending(lake, report_progress=say)
    return home
