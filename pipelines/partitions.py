"""The days that Dagster shows: from the start of history to today, in the account's time zone."""

from datetime import date

import dagster as dg

from pipelines.discovery import EARLIEST, HISTORY_STARTS
from pipelines.session_factory import stored_settings, stored_zone
from pipelines.settings import Settings


def daily_partitions(settings: Settings, dataset: str) -> dg.DailyPartitionsDefinition:
    """Make a dataset's days without a request: the first is what the last discovery stored."""
    start = stored_settings(settings).get(HISTORY_STARTS, {}).get(dataset)
    return dg.DailyPartitionsDefinition(
        start_date=str(start or EARLIEST), timezone=stored_zone(settings), end_offset=1
    )


def range_tags(first: date, last: date) -> dict[str, str]:
    """Tag a run with the days it is about, both included."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
