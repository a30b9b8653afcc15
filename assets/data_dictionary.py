"""Write the data dictionary: `python -m assets.data_dictionary FILE`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from assets.framework.contract.column_schema import arrow_type_of, source_of
from assets.framework.contract.dataset import Dataset
from assets.framework.contract.description import describe_table
from assets.framework.contract.table import Table
from assets.registry import datasets

_VIEWS = (
    "Views: `…_now` has the current versions of a table with history;",
    "`…_superseded` the rows that newer responses replaced; `codes` every code with its name",
    "(`domain`, `code`, `name`, `description`, `since_version`); `coverage` the state of each",
    "device and day; `requests` the requests; `quarantine` invalid rows and values, and why;",
    "`drift` what the API document does not list; `gaps` and `reconcile_…` gaps and deviating",
    "figures; `half_hourly_balance` the energy flows, derived from data points where the API has",
    "sent none; `inverter_preset_slots` what presets were set to; `device_roles_set`, `tariffs`,",
    "`tariff_prices`, `tariff_standing_charges` and `tariffs_in_force` what the owner has told.",
)


def dictionary() -> str:
    """Describe every table and column in Markdown."""
    lines = [
        "# Data dictionary",
        "",
        "Generated from the schemas by `make dictionary`. A UTC time is named `…_at`, `time`,",
        "`valid_from` or `valid_to`; `…_local` and `local_time` are local",
        "times, `…_date` is a day. A leaf is a path in a row of the response;",
        "`docs/api-coverage.md` lists the endpoints and the tables that they fill.",
        "",
        "| table | group | content |",
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
    yield from describe_table(dataset, table)
    yield ""
    yield "| column | type | JSON leaf | description |"
    yield "|---|---|---|---|"
    for name, column in table.schema.columns.items():
        source = f"`{source_of(column)}`" if source_of(column) else ""
        kind = str(arrow_type_of(column)).replace("|", "\\|")
        needed = "" if column.nullable else " Never null."
        yield f"| `{name}` | {kind} | {source} | {column.title}. {column.description}{needed} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(dictionary())
