"""Descriptions of tables and datasets in sentences: content, source, schedule."""

from collections.abc import Iterator

from assets.framework.contract.dataset import Cadence, DailyDataset, Dataset, SnapshotDataset
from assets.framework.contract.table import Table


def describe_table(dataset: Dataset, table: Table) -> Iterator[str]:
    """Yield sentences about a table: content, source, grain and schedule."""
    yield table.description
    yield f"Source: `{dataset.endpoint.method} {dataset.endpoint.path}`."
    keys = " and ".join(f"`{name}`" for name in table.key)
    if table.unversioned_columns is None:
        yield f"One row per {keys}."
    else:
        yield f"One row per {keys} and version; `{table.name}_now` has the current versions."
        if table.unversioned_columns:
            names = ", ".join(f"`{name}`" for name in table.unversioned_columns)
            yield f"A change of {names} makes no new version."
    yield describe_schedule(dataset)


def describe_schedule(dataset: Dataset) -> str:
    """Return a sentence about when a dataset is requested."""
    if isinstance(dataset, DailyDataset):
        days = f"{dataset.lateness_days} day{'' if dataset.lateness_days == 1 else 's'}"
        return f"Requested by day; a day can change until {days} after its end."
    assert isinstance(dataset, SnapshotDataset)
    how_often = {
        Cadence.EVERY_POLL: "with every poll",
        Cadence.DAILY: "daily",
        Cadence.WEEKLY: "weekly",
    }
    optional = " Skipped if the account lacks the endpoint." if dataset.optional else ""
    named = " Only if `GIVLAKE_DATASETS` names it." if dataset.on_request else ""
    return f"Requested {how_often[dataset.cadence]}.{named}{optional}"
