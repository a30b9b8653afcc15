"""`givlake decode`: show the column of each value of a saved response, without a data folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.common import (
    ALL_THERE,
    SOMETHING_MISSING,
    WRONG_USAGE,
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
_COLUMNS = ("leaf", "values", "nulls", "lands in", "elsewhere", "left over")


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

    A value without a column is shown with its reason. The exit status is 1 if there is none.
    """
    from assets.framework.decoding.field_trace import response_from_json, trace_fields
    from pipelines.selection import UnknownDatasetError, named

    try:
        (selected,) = named([dataset])
        response = response_from_json(
            selected, file.read_bytes(), device_id=device, params=params, zone=settings.zone
        )
    except UnknownDatasetError as error:
        raise KnownError(str(error), WRONG_USAGE) from error
    except ValueError as error:
        raise KnownError(
            f"{file} is no response for {dataset} ({error}): use the JSON as the API sent it.",
            WRONG_USAGE,
        ) from error
    try:
        leaves = trace_fields(selected, response)
    except KeyError as error:
        raise KnownError(
            f"Decoding {dataset} requires request parameters: set {error} with --params, as JSON.",
            WRONG_USAGE,
        ) from error
    rows = [dict(zip(_COLUMNS, _row(leaf), strict=True)) for leaf in leaves]
    left_over = sum(len(leaf.unaccounted) for leaf in leaves)
    if layout == "json":
        click.echo(as_json(rows))
    elif layout == "csv":
        click.echo(as_csv(_COLUMNS, rows), nl=False)
    else:
        _OUT.print(
            table(_COLUMNS, [list(row.values()) for row in rows], ("values", "nulls", "left over"))
        )
        values = sum(leaf.values for leaf in leaves)
        _OUT.print(f"\n{len(leaves)} leaves, {values:,} values, {left_over:,} left over.")
    raise SystemExit(SOMETHING_MISSING if left_over else ALL_THERE)


def _row(leaf: "LeafTrace") -> tuple[object, ...]:
    elsewhere = ", ".join(f"{number:,} {reason}" for reason, number in leaf.reasons.items())
    return (
        leaf.path,
        leaf.values,
        leaf.nulls,
        ", ".join(leaf.columns),
        elsewhere,
        len(leaf.unaccounted),
    )
