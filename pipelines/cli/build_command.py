"""`givlake build`: add archived responses to the tables, without a request."""

import click

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
from pipelines.pending_builds import build_all_pending, describe_pending
from pipelines.settings import Settings


@click.command()
@pass_settings
def build(settings: Settings) -> None:
    """Add archived responses to the tables, without a request.

    A killed process can leave responses that are not in the tables. Each sync and backfill builds
    them first. Also repairs the catalogue, indexes and tables, which reading commands do not.
    """
    out = console()

    def report_progress(message: str) -> None:
        out.print(printable(message))

    require_store(settings)
    with open_lake(settings) as lake:
        names = {dataset.name for dataset in datasets()}
        reports, errors = build_all_pending(lake, report_progress=report_progress, wait_for=names)
        is_pending = describe_pending(lake) is not None
        refresh_findings(lake)
    for report in reports:
        out.print(
            f"{report.dataset}: {plural(report.responses, 'response')},"
            f" {plural(report.rows('rows_in'), 'row')},"
            f" {report.rows('quarantined'):,} quarantined,"
            f" {report.rows('partly_quarantined'):,} with quarantined values"
        )
    for name, error in errors.items():
        report_progress(f"{name} cannot be built: {error}")
    if errors:
        raise SystemExit(EXIT_INCOMPLETE)
    if is_pending:
        out.print("Another process has archived more responses meanwhile: run the command again.")
        raise SystemExit(EXIT_INCOMPLETE)
    out.print("All archived responses are in the tables.")
    raise SystemExit(EXIT_COMPLETE)
