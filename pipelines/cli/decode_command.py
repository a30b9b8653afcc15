"""`givlake decode`: show the column of each value of a saved response, without a data folder."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from assets.framework.contract.dataset import Dataset
    from assets.framework.decoding.field_trace import LeafTrace

_OUT = console()
_COLUMNS = ("leaf", "values", "nulls", "columns", "not in a column", "unaccounted")
_ID_NUMBER = re.compile(r"\d{1,18}")


@click.command()
@click.argument("dataset")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--device",
    metavar="ID",
    help="The device of the request, or the number of its account or site; optional.",
)
@click.option(
    "--params",
    default="{}",
    metavar="JSON",
    help='The parameters of the request, such as {"grouping": 1}; optional.',
)
@format_option("json", "csv")
@pass_settings
def decode(
    settings: Settings, dataset: str, file: Path, device: str | None, params: str, layout: str
) -> None:
    """Show the column of each value of a saved response.

    A value that is in no column is shown with the reason. The exit status is 1 if a value has
    neither a column nor a reason.
    """
    from assets.framework.decoding.field_trace import response_from_json, trace_fields
    from pipelines.open_folder import stored_zone
    from pipelines.selection import named

    (selected,) = named([dataset])
    _check_device(selected, device)
    requested = _request_parameters(selected, params)
    try:
        response = response_from_json(
            selected,
            file.read_bytes(),
            device_id=device,
            params=requested,
            zone=stored_zone(settings),
        )
    except ValueError as error:
        raise KnownError(
            f"{file} is no response for {dataset} ({error}): use the JSON as the API sent it.",
            EXIT_USAGE,
        ) from error
    leaves = trace_fields(selected, response)
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


def _check_device(dataset: "Dataset", device: str | None) -> None:
    """Refuse a device that no request of the dataset can have."""
    if device is None or not dataset.has_numeric_ids:
        return
    if not _ID_NUMBER.fullmatch(device):
        raise KnownError(
            f"--device {device!r} is not a number of at most 18 digits: {dataset.name} is requested"
            " by the number of an account or site. Give that number, or leave --device out.",
            EXIT_USAGE,
        )


def _request_parameters(dataset: "Dataset", text: str) -> dict[str, Any]:
    """Return the parameters that `--params` gives.

    Raises:
        KnownError: They are no JSON object, or one that rows need is no whole number.
    """
    try:
        parameters = json.loads(text)
    except (ValueError, RecursionError):
        parameters = None
    if not isinstance(parameters, dict):
        raise KnownError(
            f"--params {text!r} is no JSON object: write it like "
            "'{\"grouping\": 1}', or leave --params out.",
            EXIT_USAGE,
        )
    for name, sample in dataset.sample_params:
        if not _is_number(parameters.get(name, 0)):
            raise KnownError(
                f"--params has {json.dumps(parameters[name])} for {name!r}, which is no whole"
                f" number: write it like '{{\"{name}\": {sample}}}'.",
                EXIT_USAGE,
            )
    return parameters


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


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
