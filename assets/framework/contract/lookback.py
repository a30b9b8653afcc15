"""Decide from when on to request items that begin and end: charging sessions, inverter faults.

Their lists are filtered by start, so the end of an open item only appears in a request from its
start on. After a month an open item is stale: it is requested once a week and reported, because
some never end. The tables have a column `has_ended`. Datasets make the requests.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from assets.framework.contract.known_state import KnownState
from assets.framework.contract.sql_files import read_sql
from assets.framework.contract.table import Table

STALE_AFTER = timedelta(days=30)
# A little less than a week, so that a refresh that began late does not put the next one off.
_STALE_EVERY = timedelta(days=6, hours=12)
# Items can be added or corrected this late.
_OVERLAP = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An open item: its device and its start, UTC."""

    device_id: str
    began_at: datetime

    def is_stale(self, now: datetime) -> bool:
        """Return whether it has been open so long that it may never end."""
        return now - self.began_at > STALE_AFTER


@dataclass(frozen=True, slots=True)
class Lookback:
    """A complete response: the start of the requested time, and when it was fetched, UTC."""

    start: datetime
    fetched_at: datetime


def open_items(state: KnownState, table: Table, start_column: str) -> list[OpenItem]:
    """Return the open items of a table.

    Args:
        state: Known state.
        table: Table with a device column and `has_ended`.
        start_column: Column with the start of an item.
    """
    sql = read_sql("open_items", __package__)
    query = sql.format(table=table.name, device=table.device_column, start=start_column)
    return [OpenItem(row["device_id"], row["began_at"]) for row in state.rows(query)]


def lookbacks(
    state: KnownState, dataset: str, start_parameter: str, filter_parameter: str = ""
) -> Mapping[tuple[str, str], list[Lookback]]:
    """Return recent complete responses per device, at least the last one.

    Args:
        state: Known state.
        dataset: Name of the dataset.
        start_parameter: Request parameter with a date or an ISO 8601 time.
        filter_parameter: Request parameter that selects different lists, such as `cleared`.

    Returns:
        Lookbacks by device and value of that parameter.
    """
    sql = read_sql("lookbacks", __package__)
    by_device: dict[tuple[str, str], list[Lookback]] = {}
    for row in state.rows(
        sql,
        dataset=dataset,
        start=start_parameter,
        filter=filter_parameter,
        since=state.now - _STALE_EVERY,
    ):
        start = datetime.fromisoformat(row["start"])
        if start.tzinfo is None:
            start = start.replace(tzinfo=UTC)
        by_device.setdefault((row["device_id"], row["filter_value"]), []).append(
            Lookback(start, row["answered_at"])
        )
    return by_device


def lookback_start(
    items: Iterable[OpenItem], earlier: Collection[Lookback], *, beginning: datetime, now: datetime
) -> datetime:
    """Return the start of the next request for a device.

    The whole history the first time. Later, from a few days before the last complete response, or
    from the start of the oldest open item; stale items count once a week.

    Args:
        items: Open items of the device.
        earlier: Earlier complete responses, which together cover the history.
        beginning: Start of the device's history.
        now: The present time, UTC.
    """
    if not earlier:
        return beginning
    times = [max(response.fetched_at for response in earlier) - _OVERLAP]
    for item in items:
        is_covered = any(
            response.start <= item.began_at and now - response.fetched_at < _STALE_EVERY
            for response in earlier
        )
        if not (item.is_stale(now) and is_covered):
            times.append(item.began_at)
    return min(times)
