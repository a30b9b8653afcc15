"""What is known of reading settings from inverters, for `status` and `doctor`."""

from collections.abc import Collection, Iterator

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.device_asking import DeviceAskingDataset
from assets.framework.contract.sql_files import read_sql
from assets.framework.ingestion.availability import minute_of
from pipelines.device_names import device_names
from pipelines.settings import Settings
from pipelines.settings_to_read import setting_names_problem
from warehouse.connection import connect, fetch_table
from warehouse.lake import Lake

_MOST_SHOWN = 10


def describe_setting_reads(
    lake: Lake, settings: Settings, datasets: Collection[Dataset]
) -> Iterator[tuple[str, bool]]:
    """Describe how often settings are read, and the last read of each inverter.

    Args:
        lake: The data folder.
        settings: Which settings are read.
        datasets: The selected datasets.

    Yields:
        A line, and whether it is as it should be; nothing if no setting is read.
    """
    if not any(isinstance(each, DeviceAskingDataset) for each in datasets):
        return
    chosen = ", ".join(settings.read_setting_names) or "all settings that can be read"
    yield f"{settings.read_settings} from the inverters: {chosen}", True
    if (problem := setting_names_problem(lake, settings, datasets)) is not None:
        yield problem, False
    with connect(lake) as connection:
        rows = fetch_table(connection, read_sql("setting_read_states")).to_pylist()
    names = device_names(lake)
    for row in rows[:_MOST_SHOWN]:
        line = f"{names[row['inverter_serial']]}: {row['settings']} settings"
        if row["value_at"] is not None:
            line += f", last read {minute_of(row['value_at'])}"
        is_silent = False
        if row["failed_at"] is not None:
            is_silent = row["value_at"] is None or row["failed_at"] > row["value_at"]
            when = "no answer" if is_silent else "before that, no answer"
            line += f"; {when} {minute_of(row['failed_at'])}: {row['failure']}"
        yield line, not is_silent
    if (more := len(rows) - _MOST_SHOWN) > 0:
        yield f'and {more} more: givlake query "FROM inverter_setting_reads"', True
