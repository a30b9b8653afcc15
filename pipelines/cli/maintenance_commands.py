"""`givlake check`, `compact` and `forget`: check, compact and remove stored data."""

import click

from assets.framework.decoding.decoder import decoders
from assets.registry import datasets
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
)
from pipelines.cli.context import pass_settings
from pipelines.cli.stored_device_names import stored_device_names
from pipelines.cli.verify_command import kind_of, print_access_note
from pipelines.device_lookup import resolve_devices
from pipelines.erase import erase_devices
from pipelines.maintenance import compact_archive
from pipelines.open_folder import open_lake
from pipelines.pending_builds import build_all_pending
from pipelines.settings import Settings
from warehouse.connection import connect, retrying
from warehouse.verification.integrity import Remedy
from warehouse.verification.integrity import check as check_stores

_OUT = console()


@click.command()
@click.option("--repair", is_flag=True, help="Repair damaged files.")
@click.option("--mend", "repair_alias", is_flag=True, hidden=True)
@pass_settings
def check(settings: Settings, repair: bool, repair_alias: bool) -> None:
    """Read every stored file and check it against its checksum."""
    repair = repair or repair_alias
    if repair:
        require_store(settings)
        with open_lake(settings, repair=False) as lake:
            findings = check_stores(lake, decoders(datasets()), repair=True)
        open_lake(settings).close()  # rebuilds the catalogue if it was damaged
    else:
        with opened_for_reading(settings) as reading:
            findings = check_stores(reading, decoders(datasets()))
    for finding in findings:
        kind = "repaired" if finding.repaired else kind_of(finding)
        _OUT.print(f"{kind:7} {printable(finding.message)}")
    print_access_note(settings)
    left = [finding for finding in findings if not finding.repaired]
    if not findings:
        _OUT.print(f"Every file in {settings.data} matches its checksum.")
    elif repair:
        if len(left) < len(findings):
            _OUT.print("Damaged tables and indexes were rebuilt from the archive.")
        if left:
            _OUT.print(f"Not repaired: {plural(len(left), 'problem')}.")
    elif all(finding.remedy is Remedy.BUILD for finding in findings):
        _OUT.print("Build with: givlake build")
    else:
        _OUT.print("Repair with: givlake check --repair")
    raise SystemExit(EXIT_INCOMPLETE if left else EXIT_COMPLETE)


@click.command()
@pass_settings
def compact(settings: Settings) -> None:
    """Merge the archive's small files. Sync and Dagster do so daily."""
    require_store(settings)
    with open_lake(settings) as lake:
        build_all_pending(lake, report_progress=_OUT.print)
        report = compact_archive(lake)
    for sentence in report.damaged:
        _OUT.print(f"damage  {printable(sentence)}")
    if report.damaged:
        _OUT.print("Repair with: givlake check --repair")
    _OUT.print(
        f"{plural(report.merged_files, 'file')} merged into {report.packs_written:,},"
        f" {report.bytes_before / 1e6:,.1f} MB into {report.bytes_after / 1e6:,.1f} MB."
    )
    raise SystemExit(EXIT_INCOMPLETE if report.damaged else EXIT_COMPLETE)


@click.command()
@click.option("--device", "device_ids", multiple=True, metavar="SERIAL", help="May be repeated.")
@click.option("--account", metavar="KEY", help="Account key: column account of the view requests.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@pass_settings
def forget(settings: Settings, device_ids: tuple[str, ...], account: str | None, yes: bool) -> None:
    """Remove a device or an account permanently from every store."""
    if not device_ids and account is None:
        raise KnownError("Specify --device or --account.", EXIT_USAGE)
    require_store(settings)
    device_ids = _stored_ids(settings, device_ids)
    names = ", ".join([*device_ids, *([f"account {account}"] if account else [])])
    if not yes:
        click.confirm(f"Remove {names} from archive and tables permanently?", abort=True)
    report = erase_devices(settings, device_ids, account)
    _OUT.print(
        f"{plural(report.responses, 'response')} removed, {report.rewritten:,} rewritten without"
        f" {printable(names)}; recorded in forgotten.jsonl."
    )


def _stored_ids(settings: Settings, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the identifiers of devices; a name that no table has may be in the archive alone.

    Raises:
        UnknownDeviceError: Several devices have a name.
    """
    if not wanted:
        return ()
    with opened_for_reading(settings) as lake, connect(lake) as connection:
        names = retrying(lambda: stored_device_names(connection))
    return tuple(
        device_id
        for name in wanted
        # What is removed for good is named exactly.
        for device_id in (resolve_devices([name], names) if name in names else [name])
    )
