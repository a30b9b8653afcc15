"""`givlake export`: tables or bodies in files that need nothing of givlake."""

from datetime import date
from pathlib import Path

import click

from assets.framework.data_dictionary import dictionary
from assets.registry import daily_datasets
from pipelines.cli.common import DAY, WRONG_USAGE, KnownError, console, plural
from pipelines.cli.verify_command import chosen_datasets
from pipelines.pending_builds import what_is_behind
from pipelines.session_factory import open_lake
from pipelines.settings import load_settings
from warehouse import Days, ExportLayout, export_bodies, export_tables

_BODIES = "json"
# What is worth having beside the tables when givlake is no more.
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
    help="json: the answers as they were archived, by device and day.",
)
@click.option("--dataset", "names", multiple=True, metavar="NAME", help="Only this dataset.")
@click.option("--start", type=DAY, help="First day.")
@click.option("--end", type=DAY, help="Last day.")
@click.option(
    "--overwrite", "--again", "overwrite", is_flag=True, help="Replace an earlier export."
)
def export(
    target: Path,
    layout: str,
    names: tuple[str, ...],
    start: date | None,
    end: date | None,
    overwrite: bool,
) -> None:
    """Write the history to files that stand alone, with checksums and a data dictionary."""
    chosen = chosen_datasets(names)
    if start is not None and end is not None and start > end:
        raise KnownError(
            f"The start {start} lies after the end {end}: exchange the two.", WRONG_USAGE
        )
    days = Days(start, end)
    not_built = None
    with open_lake(load_settings()) as lake:
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
            not_built = what_is_behind(lake)
            report = export_tables(
                lake,
                chosen,
                target,
                ExportLayout(layout),
                dictionary=dictionary(),
                rules=[dataset.coverage_rule for dataset in daily_datasets()],
                views=_VIEWS,
                days=days,
                overwrite=overwrite,
            )
    what = "response" if layout == _BODIES else "row"
    console().print(
        f"{plural(report.rows, what)} in {plural(report.files, 'file')} written to {target}."
    )
    if not_built is not None:
        console(stderr=True).print(f"The export lacks what follows: {not_built}")
