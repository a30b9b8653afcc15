"""`givlake metrics`: the state of the data for a monitoring program."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.accounts_settings import accounts_settings
from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    known_error,
    opened_for_reading,
    printable,
)
from pipelines.cli.context import chosen_account, current_settings, is_folder_chosen
from pipelines.named_accounts import accounts_folder, is_account_name
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError

if TYPE_CHECKING:
    from pipelines.health.metrics import Metrics

# What node_exporter reads in the folder of its textfile collector.
_ENDING = ".prom"


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.prom",
    help="Write to a file, which is replaced as a whole.",
)
def metrics(output: Path | None) -> None:
    """Print the state of the data in Prometheus' text format, without a request.

    Days by state, age of the newest data, requests and limit, quarantine and disk space, but no
    device by its name. Of accounts with names it has all, unless --account or --data chooses one.
    --output writes it for the textfile collector of Prometheus' node_exporter.
    """
    from pipelines.cli.output_file import checked_target, new_output_file
    from pipelines.health.metrics import Metrics

    is_one = chosen_account() is not None or is_folder_chosen()
    accounts = {} if is_one else accounts_settings()
    # What is in it is not for files of other programs.
    folder = accounts_folder() if accounts else current_settings().data
    assert folder is not None
    if output is not None:
        if output.suffix != _ENDING:
            raise KnownError(
                f"--output {output} would not be read by node_exporter: end it in {_ENDING}.",
                EXIT_USAGE,
            )
        checked_target(output, folder, overwrite=True)
    found, status = Metrics(), EXIT_COMPLETE
    if not accounts and not _add(found, current_settings()):
        status = EXIT_INCOMPLETE
    for name, settings in accounts.items():
        if not _is_added(found, name, settings, folder / name):
            status = EXIT_INCOMPLETE
    if output is None:
        click.echo(found.text(), nl=False)
    else:
        with new_output_file(output, folder, overwrite=True) as file:
            file.write_bytes(found.text())
    raise SystemExit(status)


def _is_added(
    found: "Metrics", name: str, settings: Settings | SettingsError, usual_folder: Path
) -> bool:
    """Add the metrics of one of several accounts; say why if that cannot be done.

    The others are told all the same, and this one as unreadable.
    """
    try:
        if isinstance(settings, SettingsError):
            raise settings
        # A new account has no folder yet. One that its file names is missing if a disk is.
        return _add(found, settings, name, may_be_absent=settings.data == usual_folder)
    except Exception as error:
        known = error if isinstance(error, KnownError) else known_error(error)
        if known is None:
            raise
        click.echo(printable(f"givlake: The account {name} cannot be read: {known}"), err=True)
        # A file that no account can have, such as a copy, is no account to be alarmed about.
        if is_account_name(name):
            found.set("account_readable", 0, account=name)
        return False


def _add(
    found: "Metrics", settings: Settings, name: str | None = None, *, may_be_absent: bool = False
) -> bool:
    """Add the metrics of an account; return whether they are all, and say why not."""
    from pipelines.health.metrics import add_account
    from pipelines.open_folder import stored_account

    with opened_for_reading(
        settings, warn_if_empty=False, may_be_absent=may_be_absent, account=name
    ) as lake:
        account = settings.account_name or stored_account(settings) or ""
        unread = add_account(found, lake, settings, account)
    found.set("account_readable", 1, account=account)
    if unread is not None:
        click.echo(f"givlake: {unread}", err=True)
    return unread is None
