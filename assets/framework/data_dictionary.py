"""Write the data dictionary: `python -m assets.framework.data_dictionary FILE`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from assets.framework.contract.column_schema import arrow_type_of, source_of
from assets.framework.contract.dataset import Cadence, DailyDataset, Dataset, SnapshotDataset
from assets.framework.contract.table import Table
from assets.registry import datasets

_VIEWS = (
    "Beside them stand views: `…_now` has the versions in force of a table with history;",
    "`…_superseded` the rows that newer answers replaced; `codes` every code with its name",
    "(`domain`, `code`, `name`, `description`); `coverage` the state of each device and day;",
    "`requests` what was asked; `quarantine` rows that are in no table, and why; `drift` what the",
    "API's document does not list; `gaps` and `reconcile_…` where figures do not agree.",
)


def dictionary() -> str:
    """Describe every table and column in Markdown."""
    lines = [
        "# Data dictionary",
        "",
        "Made from the schemas by `make dictionary`. A moment is named `…_at`, `time`,",
        "`valid_from` or `valid_to` and is in UTC; `…_local` and `local_time` are local",
        "times, `…_date` is a day. A leaf is a path in a row of the answer; `docs/api-coverage.md`",
        "says what of the API is here, and what is not.",
        "",
        "| table | group | what it holds |",
        "|---|---|---|",
        *_contents(),
        "",
        *_VIEWS,
    ]
    for dataset in datasets():
        for table in dataset.output_tables:
            lines += ["", *_table(dataset, table)]
    return "\n".join(lines) + "\n"


def _contents() -> Iterator[str]:
    for dataset in datasets():
        for table in dataset.output_tables:
            link = f"[`{table.name}`](#{table.name})"
            yield f"| {link} | {dataset.group.replace('_', ' ')} | {table.description} |"


def _table(dataset: Dataset, table: Table) -> Iterator[str]:
    yield f"## {table.name}"
    yield ""
    yield from about(dataset, table)
    yield ""
    yield "| column | type | JSON leaf | what it is |"
    yield "|---|---|---|---|"
    for name, column in table.schema.columns.items():
        source = f"`{source_of(column)}`" if source_of(column) else ""
        kind = str(arrow_type_of(column)).replace("|", "\\|")
        needed = "" if column.nullable else " Never null."
        yield f"| `{name}` | {kind} | {source} | {column.title}. {column.description}{needed} |"


def about(dataset: Dataset, table: Table) -> Iterator[str]:
    """Say in sentences what a table holds, whence it comes and when it is asked for."""
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
    yield when(dataset)


def when(dataset: Dataset) -> str:
    """Say when a dataset is asked for."""
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


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(dictionary())
