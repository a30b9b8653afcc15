"""Reading settings from inverters: whether and which, as the owner's settings say."""

from collections.abc import Mapping

from assets.framework.contract.dataset import Cadence
from assets.framework.contract.setting_choice import SettingReads
from assets.framework.contract.sql_files import read_sql
from assets.framework.ingestion.planner import PERIOD
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from pipelines.suggestions import did_you_mean
from warehouse import Lake, connect, retrying


def setting_reads_of(settings: Settings) -> SettingReads:
    """Return which settings are read, and how often."""
    if settings.read_settings is None:
        return SettingReads()
    return SettingReads(PERIOD[Cadence(settings.read_settings)], settings.read_setting_names)


def check_setting_names(lake: Lake, settings: Settings) -> None:
    """Check that an inverter has each of the settings to read, as far as their lists are known.

    Raises:
        SettingsError: No inverter has a setting of that name or number.
    """
    if settings.read_settings is None or not settings.read_setting_names:
        return
    with connect(lake) as connection:
        rows = retrying(lambda: connection.sql(read_sql("setting_names")).to_arrow_table())
    names: Mapping[int, str | None] = dict(
        zip(rows["setting_id"].to_pylist(), rows["name"].to_pylist(), strict=True)
    )
    if not names:
        return
    for chosen in settings.read_setting_names:
        one = SettingReads(chosen=(chosen,))
        if any(one.includes(number, name) for number, name in names.items()):
            continue
        known = [str(number) if chosen.isdigit() else name for number, name in names.items()]
        hint = did_you_mean(chosen, filter(None, known))
        hint = hint or 'List them with givlake query "FROM inverter_setting_definitions_now".'
        raise SettingsError(
            f"GIVLAKE_READ_SETTING_NAMES has {chosen!r}, which is no setting of an inverter. {hint}"
        )
