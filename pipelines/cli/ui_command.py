"""`givlake ui`: run Dagster's web server and daemon on the data folder."""

import contextlib
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import click

from givenergy.server_clock import utc_now
from pipelines.child_environment import own_environment, refuse_env_file, working_in
from pipelines.cli.child_processes import child_processes
from pipelines.cli.common import EXIT_INCOMPLETE, EXIT_USAGE, KnownError, console
from pipelines.cli.context import current_settings
from pipelines.cli.local_faults import port_fault
from pipelines.dagster_workarounds.services import (
    code_server,
    daemon,
    is_listening,
    web_server,
    write_workspace,
)
from pipelines.settings import Settings, load_settings


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
    next runs are printed; a schedule that you stop in Dagster stays stopped. With --demo the
    schedules request data from the demo's simulator only, and your settings are ignored, except
    GIVLAKE_LOG_LEVEL in the environment.
    """
    if (fault := port_fault(host, port)) is not None:
        raise KnownError(fault, EXIT_USAGE)
    from pipelines.cli.first_checks import evaluate_checks_once
    from pipelines.cli.killed_runs import report_killed_runs, report_lost_runs
    from pipelines.dagster_workarounds.stopped_instigators import stopped_instigators
    from pipelines.instance import open_instance, use_dagster_home
    from pipelines.open_folder import open_lake
    from pipelines.pending_builds import build_all_pending

    with _account(demo) as environment, working_in(environment):
        # Read again: the demo has other settings than this call.
        settings = load_settings()
        home = use_dagster_home(settings)
        refuse_env_file(home)
        # Dagster's web server and daemon would create the instance at the same time and fail, so it
        # is created before they start.
        with open_instance(settings) as instance:
            report_killed_runs(instance, settings)
            report_lost_runs(instance, settings)
            stopped = stopped_instigators(instance)
        with open_lake(settings) as lake:
            build_all_pending(lake, report_progress=console().print)
        with open_instance(settings) as instance:
            evaluate_checks_once(settings, instance, console().print)
        address = f"http://{host}:{port}"
        console().print(f"Dagster: {address} (state in {home}). Press Ctrl-C to stop.")
        console().print(f"Health:  {address}/server_info", highlight=False)
        with child_processes() as children, tempfile.TemporaryDirectory() as folder:
            workspace, socket_file = Path(folder, "workspace.yaml"), Path(folder, "code-server")
            write_workspace(workspace, socket_file)
            children.start("Dagster's code server", code_server(socket_file), home)
            _print_next_runs(settings, stopped)
            # Web server and daemon do not look again for a while for one that is not there yet.
            ended = children.wait(until=lambda: is_listening(socket_file))
            if ended is None and not children.stopped.is_set():
                children.start("Dagster's web server", web_server(workspace, host, port), home)
                children.start("Dagster's daemon", daemon(workspace), home)
                ended = children.wait()
            if ended is None:
                console().print("Stopping Dagster.")
    if ended is not None:
        raise KnownError(
            f"{ended}, so the others were stopped too: its last messages are above; start"
            " `givlake ui` again.",
            EXIT_INCOMPLETE,
        )


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
def _account(demo: Path | None) -> Iterator[dict[str, str]]:
    """Yield the environment of the demo's account, or of the owner's own."""
    if demo is None:
        yield own_environment(current_settings())
        return
    from pipelines.cli.demo_command import simulated_account

    with simulated_account(demo) as environment:
        yield environment
