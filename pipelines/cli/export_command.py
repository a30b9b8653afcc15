"""`givlake export`: write tables or response bodies to standalone files."""

from datetime import date
from pathlib import Path

import click

from assets.data_dictionary import dictionary
from assets.framework.decoding.decoder import decoders
from assets.registry import daily_datasets
from pipelines.cli.common import (
    DAY,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    console,
    opened_for_reading,
    plural,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.verify_command import chosen_datasets
from pipelines.pending_builds import describe_pending
from pipelines.settings import Settings
from warehouse import Days, ExportLayout, export_bodies, export_tables

_BODIES = "json"
# Views that are useful beside the tables without givlake.
_VIEWS = ("coverage", "quarantine", "requests", "codes")


@click.command()
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR|FILE",
    help="A folder; for duckdb also a file that ends in .duckdb.",
)
@click.option(
    "--format",
    "layout",
    type=click.Choice([*(layout.value for layout in ExportLayout), _BODIES]),
    default=ExportLayout.PARQUET.value,
    show_default=True,
    help="json: archived response bodies, by device and day.",
)
@click.option("--dataset", "names", multiple=True, metavar="NAME", help="Only this dataset.")
@click.option("--start", type=DAY, help="First day.")
@click.option("--end", type=DAY, help="Last day.")
@click.option(
    "--overwrite", "--again", "overwrite", is_flag=True, help="Replace an earlier export."
)
@pass_settings
def export(
    settings: Settings,
    target: Path,
    layout: str,
    names: tuple[str, ...],
    start: date | None,
    end: date | None,
    overwrite: bool,
) -> None:
    """Write the history to standalone files.

    The export includes checksums and a data dictionary.
    """
    chosen = chosen_datasets(names)
    if start is not None and end is not None and start > end:
        raise KnownError(f"The start {start} is after the end {end}: swap the two.", EXIT_USAGE)
    days = Days(start, end)
    not_built = None
    with opened_for_reading(settings) as lake:
        if layout == _BODIES:
            report = export_bodies(
                lake,
                [dataset.name for dataset in chosen],
                target,
                dictionary=dictionary(),
                days=days,
                overwrite=overwrite,
            )
        else:
            not_built = describe_pending(lake)
            report = export_tables(
                lake,
                decoders(chosen),
                target,
                ExportLayout(layout),
                dictionary=dictionary(),
                rules=[dataset.coverage_rule for dataset in daily_datasets()],
                views=_VIEWS,
                days=days,
                overwrite=overwrite,
            )
    unit = "response" if layout == _BODIES else "row"
    console().print(
        f"{plural(report.rows, unit)} in {plural(report.files, 'file')} written to {target}."
    )
    if not_built is not None:
        console(stderr=True).print(f"Incomplete export: {not_built}")
        raise SystemExit(EXIT_INCOMPLETE)
