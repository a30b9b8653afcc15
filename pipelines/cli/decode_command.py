"""`givlake decode`: show the column of each value of a saved response, without a data folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    console,
    format_option,
    table,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.formats import as_csv, as_json
from pipelines.settings import Settings

if TYPE_CHECKING:
    from assets.framework.decoding.field_trace import LeafTrace

_OUT = console()
_COLUMNS = ("leaf", "values", "nulls", "columns", "not in a column", "unaccounted")


@click.command()
@click.argument("dataset")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--device", default="-", metavar="ID", help="The device of the response.")
@click.option(
    "--params", default="{}", metavar="JSON", help='Request parameters, such as {"grouping": 1}.'
)
@format_option("json", "csv")
@pass_settings
def decode(
    settings: Settings, dataset: str, file: Path, device: str, params: str, layout: str
) -> None:
    """Show the column of each value of a saved response.

    A value that is in no column is shown with the reason. The exit status is 1 if a value has
    neither a column nor a reason.
    """
    from assets.framework.decoding.field_trace import response_from_json, trace_fields
    from pipelines.selection import UnknownDatasetError, named
    from pipelines.session_factory import stored_zone

    try:
        (selected,) = named([dataset])
        response = response_from_json(
            selected,
            file.read_bytes(),
            device_id=device,
            params=params,
            zone=stored_zone(settings),
        )
    except UnknownDatasetError as error:
        raise KnownError(str(error), EXIT_USAGE) from error
    except ValueError as error:
        raise KnownError(
            f"{file} is no response for {dataset} ({error}): use the JSON as the API sent it.",
            EXIT_USAGE,
        ) from error
    try:
        leaves = trace_fields(selected, response)
    except KeyError as error:
        raise KnownError(
            f"Decoding {dataset} requires request parameters: set {error} with --params, as JSON.",
            EXIT_USAGE,
        ) from error
    rows = [dict(zip(_COLUMNS, _row(leaf), strict=True)) for leaf in leaves]
    unaccounted = sum(len(leaf.unaccounted) for leaf in leaves)
    if layout == "json":
        click.echo(as_json(rows))
    elif layout == "csv":
        click.echo(as_csv(_COLUMNS, rows), nl=False)
    else:
        _OUT.print(
            table(
                _COLUMNS, [list(row.values()) for row in rows], ("values", "nulls", "unaccounted")
            )
        )
        values = sum(leaf.values for leaf in leaves)
        _OUT.print(f"\n{len(leaves)} leaves, {values:,} values, {unaccounted:,} unaccounted for.")
    raise SystemExit(EXIT_INCOMPLETE if unaccounted else EXIT_COMPLETE)


def _row(leaf: "LeafTrace") -> tuple[object, ...]:
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in leaf.reasons.items())
    return (
        leaf.path,
        leaf.values,
        leaf.nulls,
        ", ".join(leaf.columns),
        reasons,
        len(leaf.unaccounted),
    )
