"""`givlake check`, `compact` and `forget`: check, compact and remove stored data."""

import click

from assets.framework.decoding.decoder import decoders
from assets.registry import datasets
from pipelines.cli.common import (
    ALL_THERE,
    SOMETHING_MISSING,
    WRONG_USAGE,
    KnownError,
    console,
    opened_for_reading,
    plural,
    printable,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.verify_command import kind_of
from pipelines.erase import erase_devices
from pipelines.maintenance import compact_archive
from pipelines.pending_builds import build_all_pending
from pipelines.session_factory import open_lake
from pipelines.settings import Settings
from warehouse import Remedy
from warehouse import check as check_stores

_OUT = console()


@click.command()
@click.option("--mend", is_flag=True, help="Mend what can be mended.")
@pass_settings
def check(settings: Settings, mend: bool) -> None:
    """Read every stored file and prove that it holds what was written to it."""
    if mend:
        with open_lake(settings, mend=False) as lake:
            findings = check_stores(lake, decoders(datasets()), mend=True)
        open_lake(settings).close()  # makes the catalogue again if it was damaged
    else:
        with opened_for_reading(settings) as reading:
            findings = check_stores(reading, decoders(datasets()))
    for finding in findings:
        kind = "mended" if finding.mended else kind_of(finding)
        _OUT.print(f"{kind:7} {printable(finding.sentence)}")
    if not findings:
        _OUT.print(f"Every file in {settings.data} holds what was written to it.")
    elif mend:
        _OUT.print("Tables and indexes were made again from the archive where they were damaged.")
    elif all(finding.remedy is Remedy.BUILD for finding in findings):
        _OUT.print("Build with: givlake build")
    else:
        _OUT.print("Mend it with: givlake check --mend")
    left = [finding for finding in findings if not finding.mended]
    raise SystemExit(SOMETHING_MISSING if left else ALL_THERE)


@click.command()
@pass_settings
def compact(settings: Settings) -> None:
    """Merge the archive's small files. Sync and Dagster do so daily."""
    with open_lake(settings) as lake:
        build_all_pending(lake, report_progress=_OUT.print)
        report = compact_archive(lake)
    for sentence in report.damaged:
        _OUT.print(f"damage  {printable(sentence)}")
    _OUT.print(
        f"{plural(report.merged_files, 'file')} merged into {report.packs_written:,},"
        f" {report.bytes_before / 1e6:,.1f} MB into {report.bytes_after / 1e6:,.1f} MB."
    )


@click.command()
@click.option("--device", "device_ids", multiple=True, metavar="SERIAL", help="May be repeated.")
@click.option("--account", metavar="KEY", help="Account key, as in the table requests.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@pass_settings
def forget(settings: Settings, device_ids: tuple[str, ...], account: str | None, yes: bool) -> None:
    """Remove a device or an account permanently from every store."""
    if not device_ids and account is None:
        raise KnownError("Set what to forget with --device or --account.", WRONG_USAGE)
    names = ", ".join([*device_ids, *([f"account {account}"] if account else [])])
    if not yes:
        click.confirm(f"Remove {names} from archive and tables permanently?", abort=True)
    report = erase_devices(settings, device_ids, account)
    _OUT.print(
        f"{plural(report.responses, 'response')} removed, {report.rewritten:,} kept without"
        f" {printable(names)}; recorded in forgotten.jsonl."
    )
