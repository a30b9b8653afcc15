"""`givlake quarantine`: rows that are in no table, by reason, with an example of each kind."""

from datetime import UTC
from typing import Any

import click

from pipelines.cli.common import (
    WRONG_USAGE,
    KnownError,
    console,
    opened_for_reading,
    plural,
    printable,
    table,
)
from pipelines.cli.formats import as_csv, as_json
from pipelines.health.notices import sql
from pipelines.selection import UnknownDatasetError, named
from pipelines.settings import load_settings
from warehouse import connect, retrying

_OUT = console()
_RAW_SHOWN = 300
_COLUMNS = (
    "dataset",
    "table",
    "reason",
    "check",
    "column",
    "rows",
    "times_seen",
    "devices",
    "first_seen_at",
    "last_seen_at",
)
_OF_EXAMPLE = ("device_id", "request_date", "response_id", "row_index", "value", "raw")


@click.command()
@click.option("--dataset", metavar="NAME", help="Only this dataset.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Kinds to show."
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
)
def quarantine(dataset: str | None, limit: int, layout: str) -> None:
    """Show what could not go into a table: how many rows for which reason, and one of each."""
    if dataset is not None:
        try:
            named([dataset])
        except UnknownDatasetError as error:
            raise KnownError(str(error), WRONG_USAGE) from error
    with opened_for_reading(load_settings()) as lake, connect(lake) as connection:
        groups = retrying(
            lambda: connection.sql(
                sql("quarantine_groups"), params={"dataset": dataset}
            ).to_arrow_table()
        ).to_pylist()
    shown = groups[:limit]
    if layout == "json":
        click.echo(as_json(shown))
    elif layout == "csv":
        flat = [
            {**group, **{f"example_{name}": group["example"][name] for name in _OF_EXAMPLE}}
            for group in shown
        ]
        columns = [*_COLUMNS, *(f"example_{name}" for name in _OF_EXAMPLE)]
        click.echo(as_csv(columns, flat), nl=False)
    elif not groups:
        _OUT.print("Nothing is in quarantine: every row that came is in a table.")
    else:
        _show(shown, len(groups), sum(group["rows"] for group in groups))


def _show(groups: list[dict[str, Any]], kinds: int, rows: int) -> None:
    _OUT.print(f"{plural(rows, 'row')} in quarantine, of {plural(kinds, 'kind')}:\n")
    lines = [
        [
            f"{number}",
            *(group[name] for name in ("dataset", "reason", "check", "column")),
            *(f"{group[name]:,}" for name in ("rows", "times_seen", "devices")),
            f"{group['first_seen_at'].astimezone(UTC):%Y-%m-%d %H:%M}",
        ]
        for number, group in enumerate(groups, start=1)
    ]
    columns = ["", "dataset", "reason", "check", "column"]
    numbers = ["rows", "times seen", "devices"]
    _OUT.print(table([*columns, *numbers, "first seen (UTC)"], lines, right=["", *numbers]))
    _OUT.print("\nAn example of each:")
    for number, group in enumerate(groups, start=1):
        example = group["example"]
        place = " ".join(
            str(part)
            for part in (group["table"], example["device_id"], example["request_date"])
            if part
        )
        row = "" if example["row_index"] is None else f" row {example['row_index']}"
        value = f": {example['value']}" if example["value"] else ""
        _OUT.print(printable(f"  {number}. {place}, response {example['response_id']}{row}{value}"))
        if example["raw"] is not None:
            raw = printable(example["raw"][: _RAW_SHOWN + 1])
            _OUT.print(f"     {raw[:_RAW_SHOWN]}{'…' if len(raw) > _RAW_SHOWN else ''}")
    if kinds > len(groups):
        _OUT.print(f"and {kinds - len(groups)} more kinds: see --limit")
    _OUT.print(
        'Each row: givlake query "FROM quarantine". What a newer givlake can read comes back with:'
        " givlake rebuild"
    )
