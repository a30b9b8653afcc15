"""What to know of a dataset besides its states: quarantine, drift, what never ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.lookback import OpenItem, open_items
from pipelines.settings import Settings
from warehouse import Lake


@dataclass(slots=True)
class Notices:
    """One dataset.

    Attributes:
        dataset: its name.
        quarantined: rows in quarantine by reason.
        drift: what its answers hold that the API's document does not know.
        open: what has begun and not ended, the oldest first.
        stale: those of them that have been open for so long that they may never end.
        open_table: the table in which these are.
    """

    dataset: str
    quarantined: dict[str, int] = field(default_factory=dict)
    drift: list[dict[str, Any]] = field(default_factory=list)
    open: list[OpenItem] = field(default_factory=list)
    stale: list[OpenItem] = field(default_factory=list)
    open_table: str = ""

    def __bool__(self) -> bool:
        """Tell whether there is anything to know."""
        return bool(self.quarantined or self.drift or self.open)


def notes(lake: Lake, datasets: Sequence[Dataset], settings: Settings) -> dict[str, Notices]:
    """Gather them by dataset, without a request."""
    now = datetime.now(UTC)
    known_state = KnownState(lake, {}, "", now, settings.zone, settings.range_days)
    found = {dataset.name: Notices(dataset.name) for dataset in datasets}
    for row in known_state.rows(sql("quarantine_reasons")):
        if row["dataset"] in found:
            found[row["dataset"]].quarantined[row["reason"]] = row["rows"]
    for row in known_state.rows(sql("drift"), dataset=None):
        if row["dataset"] in found:
            found[row["dataset"]].drift.append(row)
    for dataset in datasets:
        for table in dataset.output_tables:
            if "has_ended" in table.schema.columns:
                # What tells things of a device apart ends with when they began.
                items = open_items(known_state, table, table.key[-1])
                known = found[dataset.name]
                known.open = sorted(items, key=lambda item: item.began_at)
                known.stale = [item for item in known.open if item.is_stale(now)]
                known.open_table = table.name
    return found


def sql(name: str) -> str:
    """Read a query of this package."""
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text()
