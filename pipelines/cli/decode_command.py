"""`givlake decode`: where each value of a saved answer lands, without a data folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.common import (
    ALL_THERE,
    SOMETHING_MISSING,
    WRONG_USAGE,
    KnownError,
    console,
    table,
)
from pipelines.cli.formats import as_csv, as_json

if TYPE_CHECKING:
    from assets.framework.decoding.field_trace import LeafTrace

_OUT = console()
_COLUMNS = ("leaf", "values", "nulls", "lands in", "elsewhere", "left over")


@click.command()
@click.argument("dataset")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--device", default="-", metavar="ID", help="The device that the answer is about.")
@click.option(
    "--params", default="{}", metavar="JSON", help='What was asked for, such as {"grouping": 1}.'
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
)
def decode(dataset: str, file: Path, device: str, params: str, layout: str) -> None:
    """Show what becomes of each value of a saved answer: its column, or why it is in none.

    Ends with 1 if a value is in no column and no reason for it is known.
    """
    from assets.framework.decoding.field_trace import response_from_json, trace_fields
    from pipelines.selection import UnknownDatasetError, named
    from pipelines.settings import load_settings

    try:
        (of,) = named([dataset])
        answer = response_from_json(
            of, file.read_bytes(), device_id=device, params=params, zone=load_settings().zone
        )
    except UnknownDatasetError as error:
        raise KnownError(str(error), WRONG_USAGE) from error
    except ValueError as error:
        raise KnownError(
            f"{file} is no answer for {dataset} ({error}): give the JSON as the API sent it.",
            WRONG_USAGE,
        ) from error
    try:
        leaves = trace_fields(of, answer)
    except KeyError as error:
        raise KnownError(
            f"What {dataset} makes of an answer depends on what was asked for: give {error} with"
            " --params, as JSON.",
            WRONG_USAGE,
        ) from error
    rows = [dict(zip(_COLUMNS, _row(leaf), strict=True)) for leaf in leaves]
    left = sum(len(leaf.unaccounted) for leaf in leaves)
    if layout == "json":
        click.echo(as_json(rows))
    elif layout == "csv":
        click.echo(as_csv(_COLUMNS, rows), nl=False)
    else:
        _OUT.print(
            table(_COLUMNS, [list(row.values()) for row in rows], ("values", "nulls", "left over"))
        )
        values = sum(leaf.values for leaf in leaves)
        _OUT.print(f"\n{len(leaves)} leaves, {values:,} values, {left:,} left over.")
    raise SystemExit(SOMETHING_MISSING if left else ALL_THERE)


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
