"""Sentences for people about a dataset: what a table holds, where it comes from, how often."""

from collections.abc import Iterator

from assets.framework.contract.dataset import Cadence, DailyDataset, Dataset, SnapshotDataset
from assets.framework.contract.table import Table


def describe_table(dataset: Dataset, table: Table) -> Iterator[str]:
    """Say what a table holds, where it comes from and when it is requested."""
    yield table.description
    yield f"Source: `{dataset.endpoint.method} {dataset.endpoint.path}`."
    keys = " and ".join(f"`{name}`" for name in table.key)
    if table.unversioned_columns is None:
        yield f"One row for each {keys}."
    else:
        yield f"One row for each {keys} and version; `{table.name}_now` has those of now."
        if table.unversioned_columns:
            names = ", ".join(f"`{name}`" for name in table.unversioned_columns)
            yield f"No version of its own is made by a change of {names}."
    yield describe_schedule(dataset)


def describe_schedule(dataset: Dataset) -> str:
    """Say when a dataset is requested."""
    if isinstance(dataset, DailyDataset):
        days = f"{dataset.lateness_days} day{'' if dataset.lateness_days == 1 else 's'}"
        return f"Asked for by day; a day can change until {days} after its end."
    assert isinstance(dataset, SnapshotDataset)
    how_often = {
        Cadence.EVERY_POLL: "with every poll",
        Cadence.DAILY: "daily",
        Cadence.WEEKLY: "weekly",
    }
    optional = " Left out where the account lacks the endpoint." if dataset.optional else ""
    return f"Asked for {how_often[dataset.cadence]}.{optional}"
