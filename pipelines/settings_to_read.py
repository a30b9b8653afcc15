"""Reading settings from inverters: whether and which, as the owner's settings say."""

from collections.abc import Iterable

from assets.framework.contract.dataset import Cadence, Dataset
from assets.framework.contract.device_asking import DeviceAskingDataset
from assets.framework.contract.setting_choice import SettingReads
from assets.framework.contract.sql_files import read_sql
from assets.framework.ingestion.planner import PERIOD
from pipelines.settings import Settings
from pipelines.suggestions import did_you_mean
from warehouse.connection import connect, fetch_table
from warehouse.lake import Lake


def setting_reads_of(settings: Settings) -> SettingReads:
    """Return which settings are read, and how often."""
    if settings.read_settings is None:
        return SettingReads()
    return SettingReads(PERIOD[Cadence(settings.read_settings)], settings.read_setting_names)


def setting_names_problem(
    lake: Lake, settings: Settings, datasets: Iterable[Dataset]
) -> str | None:
    """Return which setting to read no inverter has, as far as their lists are known.

    Args:
        lake: The data folder.
        settings: Which settings are read.
        datasets: The datasets of the command.

    Returns:
        A sentence; None if there is nothing to say, or none of the datasets reads settings.
    """
    if not (
        settings.read_settings is not None
        and settings.read_setting_names
        and any(isinstance(each, DeviceAskingDataset) for each in datasets)
    ):
        return None
    with connect(lake) as connection:
        rows = fetch_table(connection, read_sql("setting_names"))
    names = list(zip(rows["setting_id"].to_pylist(), rows["name"].to_pylist(), strict=True))
    if not names:
        return None
    for chosen in settings.read_setting_names:
        one = SettingReads(chosen=(chosen,))
        if any(one.includes(number, name) for number, name in names):
            continue
        known = [str(number) if chosen.isdigit() else name for number, name in names]
        hint = did_you_mean(chosen, filter(None, known))
        hint = hint or 'List them with givlake query "FROM inverter_setting_definitions_now".'
        return (
            f"GIVLAKE_READ_SETTING_NAMES has {chosen!r}, which is no setting of an inverter: no"
            f" setting is read until it is corrected. {hint}"
        )
    return None
