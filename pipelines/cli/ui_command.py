"""`givlake ui`: run Dagster's web server and daemon on the data folder."""

import contextlib
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from givenergy.server_clock import utc_now
from pipelines.child_environment import (
    SETTING_PREFIXES,
    own_environment,
    working_in,
)
from pipelines.cli.child_processes import child_processes
from pipelines.cli.common import (
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    console,
    known_error,
    printable,
)
from pipelines.cli.context import chosen_account, current_settings, is_folder_chosen
from pipelines.cli.local_faults import port_fault
from pipelines.dagster_workarounds.code_location import location_name
from pipelines.dagster_workarounds.services import (
    code_server,
    daemon,
    is_listening,
    unwarned,
    web_server,
    write_workspace,
)
from pipelines.named_accounts import (
    NAME,
    account_environment,
    account_environments,
    account_files,
    dagster_home,
)
from pipelines.settings import Settings, load_settings
from pipelines.settings_file import ENV_FILE, SettingsError
from warehouse.errors import LockTimeoutError
from warehouse.storage.file_locks import FileLock
from warehouse.storage.ownership import make_folder


@dataclass(frozen=True, slots=True)
class _Location:
    """An account as a code location of Dagster.

    Attributes:
        settings: Its settings.
        home: The folder of Dagster's state, which several accounts share.
        environment: The environment of its code server.
        stopped: The names of the schedules and sensors that the owner has stopped.
    """

    settings: Settings
    home: Path
    environment: Mapping[str, str]
    stopped: Collection[str]

    @property
    def name(self) -> str:
        return location_name(self.settings.account_name)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=3000,
    show_default=True,
    help="Port to listen on.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--demo",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder of the demo; its simulator is started too.",
)
def ui(port: int, host: str, demo: Path | None) -> None:
    """Run Dagster on the data folder; stop it with Ctrl-C.

    The schedules run as long as Dagster runs: they poll, fetch today and complete yesterday. The
    next runs are printed; a schedule that you stop in Dagster stays stopped. Of accounts with names
    all are shown, each as a code location, unless --account or --data chooses one. With --demo the
    schedules request data from the demo's simulator only, and your settings are ignored, except
    GIVLAKE_LOG_LEVEL in the environment.
    """
    if (fault := port_fault(host, port)) is not None:
        raise KnownError(fault, EXIT_USAGE)
    with _environments(demo) as environments, _alone(environments):
        locations = list(_prepared_locations(environments))
        address = f"http://{host}:{port}"
        state = f"state in {locations[0].home}"
        console().print(f"Dagster: {address} ({state}). Press Ctrl-C to stop.")
        console().print(f"Health:  {address}/server_info", highlight=False)
        ended = _run(locations, host, port)
    if ended is not None:
        raise KnownError(
            f"{ended}, so the others were stopped too: its last messages are above; start"
            " `givlake ui` again.",
            EXIT_INCOMPLETE,
        )


@contextlib.contextmanager
def _alone(environments: Sequence[Mapping[str, str]]) -> Iterator[None]:
    """Hold a lock on Dagster's state: a second daemon would run schedules twice, or remove them.

    Raises:
        KnownError: Another process holds it.
    """
    if not environments:
        yield
        return
    # Several accounts share one.
    with working_in(environments[0]):
        home = dagster_home(Path(environments[0]["GIVLAKE_DATA"]))
    if not home.exists():
        make_folder(home)
    lock = FileLock(home / "ui.lock", timeout_s=0)
    try:
        lock.acquire()
    except LockTimeoutError:
        raise KnownError(
            f"`givlake ui` already runs on Dagster's state in {home}: use its page, or stop it.",
            EXIT_USAGE,
        ) from None
    try:
        yield
    finally:
        lock.release()


def _prepared_locations(environments: Sequence[Mapping[str, str]]) -> Iterator[_Location]:
    """Yield the accounts that can be shown; of several, one that cannot is named and left out.

    Raises:
        KnownError: None of several can be shown.
    """
    count = 0
    for environment in environments:
        try:
            location = _prepared(environment)
        except Exception as error:
            known = known_error(error)
            if known is None or len(environments) == 1:
                raise
            _say_left_out(environment[NAME], known)
            continue
        count += 1
        if len(environments) > 1:
            console().print(f"Account {location.name}: data in {location.settings.data}")
        yield location
    if not count:
        raise KnownError("None of the accounts can be shown; why is above.", EXIT_USAGE)


def _say_left_out(name: str, reason: Exception) -> None:
    click.echo(printable(f"givlake: The account {name} is left out: {reason}"), err=True)


def _prepared(environment: Mapping[str, str]) -> _Location:
    """Bring an account's data folder and Dagster's state of it up to date."""
    from pipelines.cli.account_preparation import prepare_account
    from pipelines.cli.first_checks import evaluate_checks_once
    from pipelines.dagster_workarounds.stopped_instigators import stopped_instigators
    from pipelines.instance import open_instance

    with working_in(environment):
        # Read again: the demo and each account have other settings than this call.
        settings = load_settings()
        home = prepare_account(settings, console().print)
        with open_instance(settings) as instance:
            stopped = stopped_instigators(instance, settings.account_name)
            evaluate_checks_once(settings, instance, console().print)
        return _Location(settings, home, own_environment(settings), stopped)


def _run(locations: Sequence[_Location], host: str, port: int) -> str | None:
    """Run Dagster until it is stopped; return which of its processes ended by itself, and how."""
    home = locations[0].home
    is_single = len(locations) == 1
    shared = _without_settings(locations[0].environment if is_single else os.environ)
    shared["DAGSTER_HOME"] = str(home)
    with child_processes() as children, tempfile.TemporaryDirectory() as folder:
        workspace, of_daemon = Path(folder, "workspace.yaml"), Path(folder, "daemon.yaml")
        sockets = {
            location.name: Path(folder, f"code-server-{number}")
            for number, location in enumerate(locations)
        }
        write_workspace(workspace, sockets)
        absent = _not_shown(locations)
        write_workspace(of_daemon, {**sockets, **dict.fromkeys(absent, Path(folder, "none"))})
        for location in locations:
            name, server = location.name, code_server(location.name, sockets[location.name])
            title = "Dagster's code server" + ("" if is_single else f" of {name}")
            children.start(title, server, home, location.environment)
        if is_single:
            _print_next_runs(locations[0].settings, locations[0].stopped)
        # Web server and daemon do not look again for a while for one that is not there yet.
        ended = children.wait(until=lambda: all(map(is_listening, sockets.values())))
        if ended is None and not children.stopped.is_set():
            server = web_server(workspace, host, port)
            children.start("Dagster's web server", server, home, shared)
            children.start(
                "Dagster's daemon", daemon(of_daemon), home, {**shared, **unwarned(absent)}
            )
            ended = children.wait()
        if ended is None:
            console().print("Stopping Dagster.")
    return ended


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of web server and daemon, which need no account's token."""
    kept = {
        name: text for name, text in environment.items() if not name.startswith(SETTING_PREFIXES)
    }
    return {**kept, ENV_FILE: ""}


def _not_shown(locations: Sequence[_Location]) -> list[str]:
    """Return the accounts that share Dagster's state with those that are shown, and are not.

    The daemon removes the state of schedules of a location that it does not know, such as which
    ones the owner has stopped; but not of one that it knows and that does not respond.
    """
    shown = {location.name for location in locations}
    if not all(location.settings.account_name for location in locations):
        return []
    return [name for name in account_files() if location_name(name) not in shown]


def _print_next_runs(settings: Settings, stopped: Collection[str]) -> None:
    """Print the next scheduled runs while Dagster starts."""
    from pipelines.cli.next_ticks import lines

    try:
        text = "\n".join(lines(settings, stopped, utc_now()))
    except Exception as error:
        # Not fatal: Dagster starts and reports errors in the definitions itself.
        text = f"The next scheduled runs are unknown: {error}"
    console().print(text)


@contextlib.contextmanager
def _environments(demo: Path | None) -> Iterator[list[Mapping[str, str]]]:
    """Yield the environments of the accounts to show: the demo's, the one in force, or all named.

    Raises:
        SettingsError: The account that the call names cannot be used.
    """
    if demo is not None:
        from pipelines.cli.demo_command import simulated_account

        with simulated_account(demo) as environment:
            yield [environment]
        return
    if (name := chosen_account()) is not None:
        yield [account_environment(name)]
    elif (accounts := account_environments()) and not is_folder_chosen():
        yield [*_usable(accounts)]
    else:
        yield [own_environment(current_settings())]


def _usable(
    accounts: Mapping[str, Mapping[str, str] | SettingsError],
) -> Iterator[Mapping[str, str]]:
    """Yield the environments of accounts; one that cannot be used is named and left out."""
    for name, environment in accounts.items():
        if isinstance(environment, SettingsError):
            _say_left_out(name, environment)
        else:
            yield environment
