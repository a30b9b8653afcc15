"""`givlake build`: what is archived and not in the tables yet, without a request."""

import click

from assets.registry import datasets
from pipelines.cli.common import ALL_THERE, SOMETHING_MISSING, console, plural, printable
from pipelines.pending_builds import build_all_pending, what_is_behind
from pipelines.session_factory import open_lake
from pipelines.settings import load_settings


@click.command()
def build() -> None:
    """Add archived responses that are not in the tables yet; asks the API for nothing.

    There are some after a process was killed. Each sync and backfill builds them first. Also
    repairs catalogue, indexes and tables, which commands that only read do not.
    """
    out = console()

    def say(sentence: str) -> None:
        out.print(printable(sentence))

    with open_lake(load_settings()) as lake:
        everything = {dataset.name for dataset in datasets()}
        reports, errors = build_all_pending(lake, say=say, wait_for=everything)
        left = what_is_behind(lake)
    for report in reports:
        out.print(
            f"{report.dataset}: {plural(report.responses, 'response')},"
            f" {plural(report.rows('rows_in'), 'row')} in,"
            f" {plural(report.rows('quarantined'), 'row')} in quarantine"
        )
    for name, error in errors.items():
        say(f"{name} cannot be built: {error}")
    if errors:
        raise SystemExit(SOMETHING_MISSING)
    if left is not None:
        out.print(left)
        raise SystemExit(SOMETHING_MISSING)
    out.print("Every archived response is in the tables.")
    raise SystemExit(ALL_THERE)
