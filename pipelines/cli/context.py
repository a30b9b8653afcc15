"""The settings of the command line: read once per call, when a command first needs them."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from pipelines.cli.help_texts import Complete
from pipelines.request_count import reset_sent

if TYPE_CHECKING:
    from pipelines.settings import Settings

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_DATA = "givlake.data"
# The name that a call gives, in the outermost context.
ACCOUNT = "givlake.account"
# For what is done when a command has ended, with its context gone.
_LAST: "list[Settings]" = []
_LAST_ACCOUNT: list[str] = []


def data_option() -> click.Option:
    """Return the option `--data`, which every command has."""

    def keep(context: click.Context, option: click.Parameter, value: Path | None) -> None:
        if value is not None:
            context.find_root().meta[_DATA] = value

    return click.Option(
        ["--data"],
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        expose_value=False,
        # Before words for days, which depend on the folder's time zone.
        is_eager=True,
        callback=keep,
        help="The data folder, in place of GIVLAKE_DATA.",
    )


def account_option(complete: Complete | None = None) -> click.Option:
    """Return the option `--account`, which the group and every command with a data folder have.

    Args:
        complete: Completes names of accounts in a shell.
    """

    def use(context: click.Context, option: click.Parameter, value: str | None) -> None:
        if value is None:
            return
        if context.resilient_parsing:
            context.find_root().meta[ACCOUNT] = value
            return
        # Imported here, because only commands with this option need it.
        from pipelines.child_environment import working_in
        from pipelines.named_accounts import account_environment, dagster_home
        from warehouse.storage.ownership import give_to_owner

        root = context.find_root()
        if root.meta.setdefault(ACCOUNT, value) != value:
            raise click.UsageError("--account is given twice, with two names.")
        environment = account_environment(value)
        _LAST_ACCOUNT[:] = [value]
        root.with_resource(working_in(environment))
        # It is not in the data folder, which is given to its owner at the end of every call.
        home = dagster_home(Path(environment["GIVLAKE_DATA"]))
        root.call_on_close(functools.partial(give_to_owner, home))

    return click.Option(
        ["--account"],
        metavar="NAME",
        expose_value=False,
        shell_complete=complete,
        is_eager=True,
        callback=use,
        help="The account of accounts/NAME.env, with its settings and data.",
    )


def chosen_account() -> str | None:
    """Return the name of the account that this call names, None if it names none."""
    name: str | None = click.get_current_context().find_root().meta.get(ACCOUNT)
    return name


def is_folder_chosen() -> bool:
    """Return whether this call names a data folder."""
    return _DATA in click.get_current_context().find_root().meta


def refuse_one_account() -> None:
    """Refuse `--account` for a command about all accounts, which need settings of their own.

    Raises:
        UsageError: It is given.
    """
    if ACCOUNT in click.get_current_context().find_root().meta:
        raise click.UsageError("this command is about all accounts: leave --account out.")


def begin_call() -> None:
    """Forget the settings and the requests of an earlier call in this process."""
    _LAST.clear()
    _LAST_ACCOUNT.clear()
    reset_sent()


def settings_in_use() -> "Settings | None":
    """Return the settings of the last call in this process; None if it has read none."""
    return _LAST[-1] if _LAST else None


def account_in_use() -> str | None:
    """Return the account of the last call in this process; None if it has named none."""
    return _LAST_ACCOUNT[-1] if _LAST_ACCOUNT else None


def current_settings() -> "Settings":
    """Return the settings of this call, which the outermost context keeps.

    Raises:
        SettingsError: A setting is not valid.
    """
    # Imported here, because help and completion need no settings.
    from pipelines.settings import load_settings

    context = click.get_current_context().find_root()
    if ACCOUNT in context.meta and _DATA in context.meta:
        raise click.UsageError(
            "--account and --data exclude each other: an account has the data folder of its file."
        )
    if context.obj is None:
        context.obj = load_settings(context.meta.get(_DATA))
        _LAST.append(context.obj)
    settings: Settings = context.obj
    return settings


def pass_settings(
    command: "Callable[Concatenate[Settings, _Parameters], _Result]",
) -> Callable[_Parameters, _Result]:
    """Pass the settings to a command as its first argument."""

    @functools.wraps(command)
    def run(*arguments: _Parameters.args, **options: _Parameters.kwargs) -> _Result:
        return command(current_settings(), *arguments, **options)

    return run
