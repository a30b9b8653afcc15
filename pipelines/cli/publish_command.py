"""`givlake publish`: write changed tables and marts to Delta tables for other engines."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click

from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    console,
    opened_for_reading,
    plural,
    printable,
    require_store,
    table,
)
from pipelines.cli.context import pass_settings
from pipelines.folder_account import owner_of
from pipelines.open_folder import open_lake
from pipelines.pending_builds import build_all_pending, describe_pending
from pipelines.publish_target import account_of, required_extra, target_of
from pipelines.settings import Settings
from pipelines.suggestions import did_you_mean
from warehouse.lake import Lake

_LINE_EVERY_S = 10.0


@click.command()
@click.argument("target", required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option("--table", "names", multiple=True, metavar="NAME", help="Only this; may be repeated.")
@click.option(
    "--prune", is_flag=True, help="Remove months there that the data folder no longer has."
)
@click.option("--check", is_flag=True, help="Look for every file there; write lost ones again.")
@click.option(
    "--retention-days",
    type=click.FloatRange(min=0),
    default=7,
    show_default=True,
    help="How long replaced files stay, for readers of old versions.",
)
@pass_settings
def publish(
    settings: Settings,
    target: str | None,
    dry_run: bool,
    names: tuple[str, ...],
    prune: bool,
    check: bool,
    retention_days: float,
) -> None:
    """Write changed tables and marts to Delta tables for other engines.

    TARGET is a folder, or s3://, gs:// or az:// with a bucket; default: GIVLAKE_PUBLISH_TO.
    """
    require_store(settings)
    required_extra()
    from pipelines.publishable import publishable, unknown_names
    from pipelines.tariffs.tariff_store import stored_currency
    from warehouse.publish.publication import PublicationOptions, publish_folder

    place = target_of(settings, target)
    chosen = publishable(stored_currency(settings.data))
    if unknown := unknown_names(chosen, names):
        raise KnownError(
            f"There is no published table {unknown[0]!r}: givlake describe lists tables and marts;"
            f" macros are not published. {did_you_mean(unknown[0], chosen.names)}".rstrip(),
            EXIT_USAGE,
        )
    with _opened(settings, dry_run=dry_run) as lake, _Progress() as progress:
        pending = describe_pending(lake)
        account = account_of(settings, lake)
        options = PublicationOptions(
            names,
            dry_run,
            prune,
            retention_days * 24,
            check=check,
            owner=owner_of(lake.state),
        )
        done = publish_folder(lake, place, account, chosen, options, progress.report)
    changed = [each for each in done.tables if each.files or each.removed_files]
    if dry_run and changed:
        rows = [(e.name, f"{e.files:,}", f"{e.rows:,}", f"{e.bytes / 1e6:,.1f}") for e in changed]
        console().print(
            table(("table", "files", "rows", "MB"), rows, right=("files", "rows", "MB"))
        )
    files = sum(each.files for each in changed)
    size_mb = sum(each.bytes for each in changed) / 1e6
    what = (
        f"{plural(sum(each.rows for each in changed), 'row')} in {plural(files, 'file')}"
        f" ({size_mb:,.1f} MB)"
    )
    if dry_run:
        console().print(f"{what} would be written to {place.url}.")
    elif not any(each.commits for each in done.tables) and not done.errors:
        console().print(f"{place.url} has everything already.")
    else:
        removed = f", {done.removed_objects:,} old files removed" if done.removed_objects else ""
        console().print(
            f"{what} written to {place.url} in"
            f" {plural(sum(each.commits for each in done.tables), 'commit')}{removed},"
            f" {done.seconds:.1f} s."
        )
    for sentence in done.errors:
        console(stderr=True).print(printable(f"Not published: {sentence}."))
    if pending is not None:
        console(stderr=True).print(f"Incomplete: {pending}")
    is_complete = not done.errors and pending is None
    raise SystemExit(EXIT_COMPLETE if is_complete else EXIT_INCOMPLETE)


@contextmanager
def _opened(settings: Settings, *, dry_run: bool) -> Iterator[Lake]:
    if dry_run:
        with opened_for_reading(settings) as reading:
            yield reading
        return
    with open_lake(settings) as lake:
        build_all_pending(lake)
        yield lake


class _Progress:
    """Shows what is published: a status line in a terminal, a line every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        is_shown = self._console.is_terminal
        self._status = self._console.status("publishing") if is_shown else None
        self._printed_s = time.monotonic()

    def __enter__(self) -> "_Progress":
        (self._status or nullcontext()).__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def report(self, text: str) -> None:
        """Show what is done."""
        if self._status is not None:
            self._status.update(text)
        elif time.monotonic() - self._printed_s >= _LINE_EVERY_S:
            self._printed_s = time.monotonic()
            self._console.print(printable(text))
