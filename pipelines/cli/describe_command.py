"""`givlake describe`: the tables, marts and macros of the catalogue and their columns."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.table import Table

from pipelines.cli.common import EXIT_USAGE, KnownError, console, format_option, plural, table
from pipelines.cli.context import current_settings
from pipelines.cli.formats import as_csv, as_json
from pipelines.suggestions import did_you_mean

if TYPE_CHECKING:
    from assets.catalogue_entries import CatalogueEntry

_OUT = console()
_TITLES = {
    "mart": "Marts",
    "macro": "Macros: marts with parameters",
    "table": "Tables",
    "view": "Other views",
}
# Types of nested values are long.
_TYPE_WIDTH = 20
_LISTED = ("name", "kind", "group", "description")
_OF_COLUMN = ("name", "type", "unit", "description", "source", "is_nullable")


@click.command()
@click.argument("catalogue_name", metavar="[NAME]", required=False)
@format_option("json", "csv")
def describe(catalogue_name: str | None, layout: str) -> None:
    """Describe tables, marts and macros; with a NAME, its columns.

    No data folder is needed.
    """
    from assets.catalogue_entries import catalogue_entries, in_currency

    entries = catalogue_entries()
    if catalogue_name is not None:
        _describe(in_currency(_found(entries, catalogue_name), _currency()), layout)
        return
    rows = [{name: getattr(entry, name) for name in _LISTED} for entry in entries.values()]
    if layout == "json":
        click.echo(as_json(rows))
    elif layout == "csv":
        click.echo(as_csv(_LISTED, rows), nl=False)
    else:
        _list(list(entries.values()))


def _currency() -> str:
    """Return the currency of the data folder's tariffs; the default if there is no such folder."""
    from assets.catalogue_views import DEFAULT_CURRENCY
    from pipelines.settings_file import SettingsError
    from pipelines.tariffs.tariff_store import stored_currency
    from warehouse.errors import WarehouseError

    try:
        return stored_currency(current_settings().data)
    except (SettingsError, WarehouseError, OSError):
        return DEFAULT_CURRENCY


def _found(entries: "dict[str, CatalogueEntry]", name: str) -> "CatalogueEntry":
    """Return what has a name, in capitals or not, as SQL does.

    Raises:
        KnownError: Nothing has.
    """
    if (entry := entries.get(name.lower())) is not None:
        return entry
    hint = did_you_mean(name, entries) or "givlake describe lists what there is."
    raise KnownError(f"There is no table, view or macro {name!r}. {hint}", EXIT_USAGE)


def _list(entries: "list[CatalogueEntry]") -> None:
    for kind, title in _TITLES.items():
        of_kind = [(entry.name, entry.description) for entry in entries if entry.kind == kind]
        if of_kind:
            _print(f"{title}:")
            _OUT.print(_grid(("", ""), of_kind), soft_wrap=False)
            _OUT.print()
    _print(
        "Each table has a view with the same columns: NAME_now has the current versions,"
        " NAME_superseded the rows that newer responses replaced."
    )
    _print("Columns: givlake describe NAME")


def _describe(entry: "CatalogueEntry", layout: str) -> None:
    if layout == "json":
        click.echo(json.dumps(asdict(entry), indent=2))
    elif layout == "csv":
        click.echo(as_csv(_OF_COLUMN, [asdict(column) for column in entry.columns]), nl=False)
    else:
        for paragraph in _paragraphs(entry):
            _print(paragraph)
        columns = [
            (
                column.name,
                " ".join(filter(None, (column.type, column.unit and f"({column.unit})"))),
                column.description,
            )
            for column in entry.columns
        ]
        _print(f"\n{plural(len(columns), 'column')}:")
        grid = _grid(("", "", ""), columns)
        grid.columns[1].max_width = _TYPE_WIDTH
        _OUT.print(grid, soft_wrap=False)


def _paragraphs(entry: "CatalogueEntry") -> Iterator[str]:
    yield f"{entry.name}, a {entry.kind}: {entry.description}"
    yield from entry.notes
    if entry.key and not entry.source:
        yield f"Key: {', '.join(entry.key)}."
    if entry.reads:
        yield f"Reads: {', '.join(entry.reads)}."
    for each in entry.parameters:
        default = f" (default: {each.default})" if each.default else ""
        yield f"Parameter {each.name}{default}: {each.description}"


def _grid(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """Return rows without a header; the names are never broken."""
    grid = table(columns, rows)
    grid.show_header = False
    grid.columns[0].no_wrap = True
    return grid


def _print(text: str) -> None:
    """Print a paragraph, wrapped to the width of the terminal."""
    _OUT.print(text, soft_wrap=False)
