"""Dagster's daily partitions: from the start of history to today, in the account's time zone."""

from datetime import date

import dagster as dg

from pipelines.known_devices import EARLIEST, HISTORY_STARTS
from pipelines.open_folder import stored_state, stored_zone
from pipelines.settings import Settings


def daily_partitions(settings: Settings, dataset: str) -> dg.DailyPartitionsDefinition:
    """Return a dataset's partitions, from the first day that the last discovery stored."""
    start = stored_state(settings).get(HISTORY_STARTS, {}).get(dataset)
    return dg.DailyPartitionsDefinition(
        start_date=str(start or EARLIEST), timezone=stored_zone(settings), end_offset=1
    )


def range_tags(first: date, last: date) -> dict[str, str]:
    """Return the tags of a run over a range of days, both included."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
