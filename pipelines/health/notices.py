"""Notices about a dataset: quarantined rows, drift, open events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.lookback import OpenItem, open_items
from givenergy.server_clock import utc_now
from pipelines.account_zone import zone_of
from pipelines.settings import Settings
from warehouse.connection import connect, fetch_table
from warehouse.lake import Lake

# What status calls new.
NEW_WITHIN = timedelta(days=7)


@dataclass(slots=True)
class QuarantinedRows:
    """Number of rows in quarantine, or of rows of which a value is.

    Attributes:
        rows: All of them.
        new: Those first delivered in the last 7 days.
        by_reason: All of them, by reason; a row can have several.
    """

    rows: int = 0
    new: int = 0
    by_reason: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Notices:
    """The notices about one dataset.

    Attributes:
        dataset: Its name.
        quarantined: Rows that are in no table.
        nulled: Rows that are in a table without a value, which is quarantined.
        drift: Undocumented values in its responses.
        open: Events and sessions that have not ended, oldest first.
        stale: Open events and sessions that are so old that they may never end.
        open_table: The table of the open events and sessions.
    """

    dataset: str
    quarantined: QuarantinedRows = field(default_factory=QuarantinedRows)
    nulled: QuarantinedRows = field(default_factory=QuarantinedRows)
    drift: list[dict[str, Any]] = field(default_factory=list)
    open: list[OpenItem] = field(default_factory=list)
    stale: list[OpenItem] = field(default_factory=list)
    open_table: str = ""

    def __bool__(self) -> bool:
        """Return whether there is any notice."""
        return bool(self.quarantined.rows or self.nulled.rows or self.drift or self.open)


def notices(lake: Lake, datasets: Sequence[Dataset], settings: Settings) -> dict[str, Notices]:
    """Return the notices by dataset, without a request."""
    now = utc_now()
    zone = zone_of(settings, lake.state.all())
    known_state = KnownState(lake, {}, "", now, zone, settings.range_days)
    by_dataset = {dataset.name: Notices(dataset.name) for dataset in datasets}
    for row in known_state.rows(sql("quarantine_reasons"), since=now - NEW_WITHIN):
        if row["dataset"] in by_dataset:
            notice = by_dataset[row["dataset"]]
            counts = notice.nulled if row["is_row_kept"] else notice.quarantined
            if row["reason"] is None:
                counts.rows, counts.new = row["rows"], row["new_rows"]
            else:
                counts.by_reason[row["reason"]] = row["rows"]
    for row in known_state.rows(sql("drift"), dataset=None):
        if row["dataset"] in by_dataset:
            by_dataset[row["dataset"]].drift.append(row)
    for dataset in datasets:
        for table in dataset.output_tables:
            if "has_ended" in table.schema.columns:
                # The key of such a table ends with the time when the item began.
                items = open_items(known_state, table, table.key[-1])
                notice = by_dataset[dataset.name]
                notice.open = sorted(items, key=lambda item: item.began_at)
                notice.stale = [item for item in notice.open if item.is_stale(now)]
                notice.open_table = table.name
    return by_dataset


def drift_since(lake: Lake, since: datetime) -> list[Notices]:
    """Return the datasets with undocumented values that were first fetched since a time."""
    by_dataset: dict[str, Notices] = {}
    with connect(lake) as connection:
        table = fetch_table(connection, sql("drift"), {"dataset": None})
    for row in table.to_pylist():
        if row["first_seen_at"] >= since:
            name = row["dataset"]
            by_dataset.setdefault(name, Notices(name)).drift.append(row)
    return list(by_dataset.values())


def sql(name: str) -> str:
    """Read a query of this package."""
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text()
