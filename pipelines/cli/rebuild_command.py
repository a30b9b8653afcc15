"""`givlake rebuild`: the tables from nothing, out of the archive, without a request."""

import click

from assets.framework.decoding.decoder import DatasetDecoder
from assets.registry import datasets
from pipelines.cli.common import WRONG_USAGE, KnownError, console, plural
from pipelines.pending_builds import build_all_pending
from pipelines.session_factory import open_lake
from pipelines.settings import load_settings
from warehouse import rebuild as rebuild_tables


@click.command()
@click.option("--dataset", "names", multiple=True, metavar="NAME", help="Only this dataset.")
def rebuild(names: tuple[str, ...]) -> None:
    """Build the tables anew from the archive; asks the API for nothing."""
    known = {dataset.name: dataset for dataset in datasets()}
    for name in names:
        if name not in known:
            raise KnownError(
                f"There is no dataset {name!r}: choose from {', '.join(known)}.", WRONG_USAGE
            )
    out = console()
    with open_lake(load_settings()) as lake:
        if names:
            build_all_pending(lake, say=out.print)
        for name in names or known:
            report = rebuild_tables(lake, DatasetDecoder(known[name]))
            out.print(
                f"{name}: {plural(report.responses, 'response')},"
                f" {plural(report.rows('rows_in'), 'row')} in,"
                f" {plural(report.rows('quarantined'), 'row')} in quarantine,"
                f" {plural(report.returned_from_quarantine, 'row')} out of it again"
            )
