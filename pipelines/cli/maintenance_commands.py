"""`givlake check`, `compact` and `forget`: proving, compacting and removing what is stored."""

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
from pipelines.cli.verify_command import kind_of
from pipelines.erase import erase_devices
from pipelines.maintenance import compact_archive
from pipelines.pending_builds import build_all_pending
from pipelines.session_factory import open_lake
from pipelines.settings import load_settings
from warehouse import Remedy
from warehouse import check as check_stores

_OUT = console()


@click.command()
@click.option("--mend", is_flag=True, help="Mend what can be mended.")
def check(mend: bool) -> None:
    """Read every stored file and prove that it holds what was written to it."""
    settings = load_settings()
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
def compact() -> None:
    """Merge the archive's small files into large ones; done daily by sync and Dagster."""
    with open_lake(load_settings()) as lake:
        build_all_pending(lake, say=_OUT.print)
        report = compact_archive(lake)
    for sentence in report.damaged:
        _OUT.print(f"damage  {printable(sentence)}")
    _OUT.print(
        f"{plural(report.merged_files, 'file')} merged into {report.packs_written:,},"
        f" {report.bytes_before / 1e6:,.1f} MB into {report.bytes_after / 1e6:,.1f} MB."
    )


@click.command()
@click.option("--device", "device_ids", multiple=True, metavar="SERIAL", help="May be repeated.")
@click.option("--account", metavar="KEY", help="Everything of an account, as named in requests.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(device_ids: tuple[str, ...], account: str | None, yes: bool) -> None:
    """Remove a device or an account from every store; it cannot be undone."""
    if not device_ids and account is None:
        raise KnownError("Name what to forget with --device or --account.", WRONG_USAGE)
    what = ", ".join([*device_ids, *([f"account {account}"] if account else [])])
    if not yes:
        click.confirm(f"Remove {what} from archive and tables for good?", abort=True)
    report = erase_devices(load_settings(), device_ids, account)
    _OUT.print(
        f"{plural(report.responses, 'response')} removed, {report.rewritten:,} kept without"
        f" {printable(what)}; it is noted in forgotten.jsonl."
    )
