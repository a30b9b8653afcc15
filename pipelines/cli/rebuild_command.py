"""`givlake rebuild`: rebuild the tables from the archive, without a request."""

import click

from assets.framework.decoding.decoder import DatasetDecoder
from assets.registry import datasets
from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    console,
    plural,
    printable,
    require_store,
)
from pipelines.cli.context import pass_settings
from pipelines.health.findings import refresh_findings
from pipelines.open_folder import open_lake
from pipelines.pending_builds import build_all_pending
from pipelines.selection import named
from pipelines.settings import Settings
from warehouse.tables.build import rebuild as rebuild_tables


@click.command()
@click.option("--dataset", "names", multiple=True, metavar="NAME", help="Only this dataset.")
@pass_settings
def rebuild(settings: Settings, names: tuple[str, ...]) -> None:
    """Rebuild the tables from the archive, without a request."""
    chosen = named(names) if names else datasets()
    out = console()
    require_store(settings)
    errors: dict[str, Exception] = {}
    with open_lake(settings) as lake:
        if names:
            _, errors = build_all_pending(lake, report_progress=out.print)
        for dataset in chosen:
            report = rebuild_tables(lake, DatasetDecoder(dataset))
            out.print(
                f"{dataset.name}: {plural(report.responses, 'response')},"
                f" {plural(report.rows('rows_in'), 'row')},"
                f" {report.rows('quarantined'):,} quarantined,"
                f" {report.rows('partly_quarantined'):,} with quarantined values,"
                f" {report.returned_from_quarantine:,} returned from quarantine"
            )
        refresh_findings(lake)
    for name, error in errors.items():
        out.print(printable(f"{name} cannot be built: {error}"))
    raise SystemExit(EXIT_INCOMPLETE if errors else EXIT_COMPLETE)
