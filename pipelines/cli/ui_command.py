"""`givlake ui`: run Dagster's web server and daemon on the data folder."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import click

from givenergy import utc_now
from pipelines.child_environment import own_environment, refuse_env_file, working_in
from pipelines.cli.common import EXIT_USAGE, KnownError, console
from pipelines.cli.context import current_settings
from pipelines.cli.local_faults import port_fault
from pipelines.settings import Settings, load_settings

_POLL_INTERVAL_S = 0.5
_EXIT_TIMEOUT_S = 10.0


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
    from pipelines.dagster_workarounds.stopped_instigators import stopped_instigators
    from pipelines.health.first_checks import evaluate_checks_once
    from pipelines.instance import dagster_program, open_instance, use_dagster_home
    from pipelines.pending_builds import build_all_pending
    from pipelines.session_factory import open_lake

    with _account(demo) as environment, working_in(environment):
        # Read again: the demo has other settings than this call.
        settings = load_settings()
        home = use_dagster_home(settings)
        refuse_env_file(home)
        # Dagster's web server and daemon would create the instance at the same time and fail, so it
        # is created before they start.
        with open_instance(settings) as instance:
            stopped = stopped_instigators(instance)
        with open_lake(settings) as lake:
            build_all_pending(lake, report_progress=console().print)
        with open_instance(settings) as instance:
            evaluate_checks_once(settings, instance, console().print)
        console().print(f"Dagster: http://{host}:{port} (state in {home}). Press Ctrl-C to stop.")
        program = [dagster_program(), "dev", "-m", "pipelines.definitions"]
        program += ["-h", host, "-p", str(port)]
        with _started(program, home) as wait:
            _print_next_runs(settings, stopped)
            status = wait()
        raise SystemExit(status)


@contextlib.contextmanager
def _started(command: Sequence[str], folder: Path) -> Iterator[Callable[[], int]]:
    """Start a program in a folder; stop it and its child processes when this process is stopped.

    SIGINT and SIGTERM go to all of its processes, as from a terminal. A process that is just
    starting can miss a signal or wait for another process, so stronger signals follow.

    Yields:
        A function that waits until the program ends or is stopped, and returns the exit status.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: ended.set())
    process = subprocess.Popen(command, cwd=folder, start_new_session=True)

    def wait() -> int:
        while (status := _status(process, _POLL_INTERVAL_S)) is None and not ended.is_set():
            pass
        return 0 if ended.is_set() else status or 0

    try:
        yield wait
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                _status(process, _EXIT_TIMEOUT_S)
        # Child processes that outlive the program.
        for number in (signal.SIGTERM, signal.SIGKILL):
            if _signal_group(process.pid, number):
                _wait_for_group(process.pid)


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to the processes of a group, or 0 to none; return whether there are any."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _wait_for_group(group: int) -> None:
    """Wait some seconds until the processes of a group have ended."""
    end = time.monotonic() + _EXIT_TIMEOUT_S
    while _signal_group(group, 0) and time.monotonic() < end:
        # Where this process is the first of a container, it inherits them.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-group, os.WNOHANG)
        time.sleep(0.1)


def _print_next_runs(settings: Settings, stopped: Collection[str]) -> None:
    """Print the next scheduled runs while Dagster starts."""
    from pipelines.cli.next_ticks import lines

    try:
        text = "\n".join(lines(settings, stopped, utc_now()))
    except Exception as error:
        # Not fatal: Dagster starts and reports errors in the definitions itself.
        text = f"The next scheduled runs are unknown: {error}"
    console().print(text)


def _status(process: "subprocess.Popen[bytes]", timeout_s: float) -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(timeout_s)
    return None


@contextlib.contextmanager
def _account(demo: Path | None) -> Iterator[dict[str, str]]:
    """Yield the environment of the demo's account, or of the owner's own."""
    if demo is None:
        yield own_environment(current_settings())
        return
    from pipelines.cli.demo_command import simulated_account

    with simulated_account(demo) as environment:
        yield environment
