"""`givlake quarantine`: quarantined rows and values by reason, with an example of each kind."""

from datetime import UTC
from typing import Any

import click

from pipelines.cli.common import (
    console,
    format_option,
    opened_for_reading,
    plural,
    printable,
    table,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.formats import as_csv, as_json
from pipelines.health.notices import sql
from pipelines.selection import named
from pipelines.settings import Settings
from warehouse.connection import connect, fetch_table

_OUT = console()
_RAW_SHOWN = 300
_COLUMNS = (
    "dataset",
    "table",
    "reason",
    "check",
    "column",
    "is_row_kept",
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
@format_option("json", "csv")
@pass_settings
def quarantine(settings: Settings, dataset: str | None, limit: int, layout: str) -> None:
    """Show quarantined rows and values by reason, with an example of each kind."""
    if dataset is not None:
        named([dataset])
    with opened_for_reading(settings) as lake, connect(lake) as connection:
        groups = fetch_table(connection, sql("quarantine_groups"), {"dataset": dataset}).to_pylist()
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
        _OUT.print("No rows are quarantined.")
    else:
        _show(shown, groups)


def _show(groups: list[dict[str, Any]], all_groups: list[dict[str, Any]]) -> None:
    kinds = len(all_groups)
    rows, values = (
        sum(each["rows"] for each in all_groups if each["is_row_kept"] is is_kept)
        for is_kept in (False, True)
    )
    counts = [plural(rows, "row")] if rows else []
    counts += [f"{plural(values, 'value')} of rows that are kept"] if values else []
    _OUT.print(f"{' and '.join(counts)} quarantined, {plural(kinds, 'kind')}:\n")
    lines = [
        [
            f"{number}",
            *(group[name] for name in ("dataset", "reason", "check", "column")),
            "value" if group["is_row_kept"] else "row",
            *(f"{group[name]:,}" for name in ("rows", "times_seen", "devices")),
            f"{group['first_seen_at'].astimezone(UTC):%Y-%m-%d %H:%M}",
        ]
        for number, group in enumerate(groups, start=1)
    ]
    columns = ["", "dataset", "reason", "check", "column", "what"]
    numbers = ["rows", "times seen", "devices"]
    _OUT.print(table([*columns, *numbers, "first seen (UTC)"], lines, right=["", *numbers]))
    _OUT.print("\nExamples:")
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
        _OUT.print(f"and {plural(kinds - len(groups), 'more kind')}: see --limit")
    _OUT.print(
        'All rows: givlake query "FROM quarantine"\n'
        "After an update of givlake, decode them again with: givlake rebuild"
    )
