"""`givlake import`: add history that other tools have saved to the archive and the tables."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from pipelines.account_zone import use_zone
from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    console,
    opened_for_reading,
    plural,
    printable,
    tell,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.import_lines import file_lines, found_lines, left_out_lines, row_lines
from pipelines.health.findings import refresh_findings
from pipelines.imports.file_reader import FileReader
from pipelines.imports.import_entries import EntryMaker
from pipelines.imports.import_report import ImportReport
from pipelines.imports.importer import Append, Importer
from pipelines.imports.known_answers import KnownAnswers
from pipelines.known_devices import expect, known_devices
from pipelines.open_folder import ACCOUNT_KEY, open_lake, stored_zone
from pipelines.pending_builds import build_all_pending
from pipelines.pseudonyms import pseudonym_key
from pipelines.settings import Settings
from warehouse.errors import LockTimeoutError
from warehouse.lake import Lake
from warehouse.storage.file_locks import FileLock

_OUT = console()
_FILES_LISTED = 20
_TELL_EVERY_S = 10.0


@click.command("import")
@click.argument(
    "named", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path),
    metavar="FOLDER|FILE...",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what the files are, and change nothing.")
@click.option(
    "--device", metavar="SERIAL", help="The inverter of files that do not say whose they are."
)
@click.option("--all", "lists_all", is_flag=True, help="List every file, also if they are many.")
@pass_settings
def import_command(
    settings: Settings, named: tuple[Path, ...], dry_run: bool, device: str | None, lists_all: bool
) -> None:
    """Import history that other tools have saved: JSON, JSON lines, CSV, also in .gz and .zip.

    Files are recognised by their content; docs/importing.md lists the layouts. What is not
    understood is named. Rows of the API stand over imported ones.
    """
    if dry_run:
        with opened_for_reading(settings, warn_if_empty=False, may_be_absent=True) as reading:
            report = _importer(settings, reading, device, lambda _: []).run(named, _progress())
        _show(report, lists_all=lists_all)
        _OUT.print("Nothing was changed: this is what an import finds.")
        raise SystemExit(_exit_status(report))
    with open_lake(settings) as lake:
        try:
            lock = FileLock(lake.folder / "locks" / "import", timeout_s=0)
            lock.acquire()
        except LockTimeoutError as error:
            raise KnownError(
                "Another import into this data folder is running: wait until it has ended.",
                EXIT_USAGE,
            ) from error
        try:
            report, errors = _import(settings, lake, named, device, lists_all)
        finally:
            lock.release()
    raise SystemExit(EXIT_INCOMPLETE if errors else _exit_status(report))


def _import(
    settings: Settings, lake: Lake, named: Sequence[Path], device: str | None, lists_all: bool
) -> tuple[ImportReport, bool]:
    zone = stored_zone(settings)
    report = _importer(settings, lake, device, lake.archive.append).run(named, _progress())
    lake.archive.flush()
    _show(report, lists_all=lists_all)
    if not report.response_ids:
        _OUT.print("Nothing new was found.")
        return report, False
    # So that a later account's zone corrects that of the imported days.
    if not lake.state.get(ACCOUNT_KEY):
        use_zone(lake, zone, [""])
    reports, errors = build_all_pending(
        lake, report_progress=lambda text: _OUT.print(printable(text)), wait_for=report.datasets
    )
    expect(lake, zone)
    refresh_findings(lake)
    for line in row_lines(reports, report.response_ids):
        _OUT.print(printable(line))
    for name, error in errors.items():
        _OUT.print(printable(f"{name} cannot be built: {error}"))
    return report, bool(errors)


def _importer(settings: Settings, lake: Lake, device: str | None, append: Append) -> Importer:
    zone = stored_zone(settings)
    known = {each.device_id for kind in known_devices(lake).values() for each in kind}
    maker = EntryMaker(
        zone=zone,
        account=str(lake.state.get(ACCOUNT_KEY) or ""),
        keep_personal=settings.keep_personal,
        pseudonym_key=None if lake.archive.read_only else pseudonym_key(settings.data / "state"),
    )
    return Importer(FileReader(zone, device, known), maker, KnownAnswers(lake), append)


def _progress() -> Callable[[int], None]:
    """Return a function that says every ten seconds how many files have been read."""
    said = time.monotonic()

    def tell_progress(files: int) -> None:
        nonlocal said
        if time.monotonic() - said > _TELL_EVERY_S:
            said = time.monotonic()
            tell(f"{plural(files, 'file')} read")

    return tell_progress


def _show(report: ImportReport, *, lists_all: bool) -> None:
    if lists_all or len(report.files) <= _FILES_LISTED:
        for line in file_lines(report):
            _OUT.print(printable(line))
        _OUT.print()
    for line in found_lines(report):
        _OUT.print(printable(line))
    if left_out := [*left_out_lines(report)]:
        _OUT.print("Not imported:")
        for line in left_out:
            _OUT.print(printable(line))


def _exit_status(report: ImportReport) -> int:
    if not report.files:
        raise KnownError("There is no file in what was named: name files or folders.", EXIT_USAGE)
    return EXIT_INCOMPLETE if report.left_out else EXIT_COMPLETE
