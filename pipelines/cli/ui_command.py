"""`givlake ui`: Dagster's web page and daemon on the data folder."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from pipelines.child_environment import own_environment, refuse_env_file, working_in
from pipelines.cli.common import console
from pipelines.settings import Settings, load_settings

_LOOK_EVERY_S = 0.5
_PATIENCE_S = 10.0


@click.command()
@click.option("--port", type=int, default=3000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--demo",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder of the demo, to be opened together with its simulator.",
)
def ui(port: int, host: str, demo: Path | None) -> None:
    """Open Dagster on the data folder; Ctrl-C ends it.

    While it is open its schedules run: they poll, fetch today and close yesterday. Which of them
    run next is printed; one that is stopped in Dagster's page stays stopped. With --demo they ask
    the demo's simulator only, and no setting of yours is used, neither from the environment
    (GIVLAKE_LOG_LEVEL excepted) nor from a .env file.
    """
    from pipelines.cli.next_ticks import stopped_by_hand
    from pipelines.instance import dagster_program, open_instance, use_dagster_home
    from pipelines.pending_builds import build_all_pending
    from pipelines.session_factory import open_lake

    with _account(demo) as environment, working_in(environment):
        settings = load_settings()
        home = use_dagster_home(settings)
        refuse_env_file(home)
        # Dagster's web server and daemon both create what is missing, and trip over each other:
        # it is created here, before there are two of them.
        with open_instance(settings) as instance:
            stopped = stopped_by_hand(instance)
        with open_lake(settings) as lake:
            build_all_pending(lake, say=console().print)
        console().print(f"Dagster on http://{host}:{port}, its state in {home}. Ctrl-C ends it.")
        program = [dagster_program(), "dev", "-m", "pipelines.definitions"]
        program += ["-h", host, "-p", str(port)]
        with _started(program, home) as watch:
            _say_what_runs_next(settings, stopped)
            status = watch()
        raise SystemExit(status)


@contextlib.contextmanager
def _started(command: Sequence[str], folder: Path) -> Iterator[Callable[[], int]]:
    """Start a program in a folder; end it, and all that it has started, when somebody ends us.

    Ctrl-C, and what a service manager sends, go to all of its processes, as from a terminal. Those
    that are just starting can miss it or wait for one another: they are ended more firmly.

    Yields:
        What waits until it ends or is ended, and gives the exit status.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: ended.set())
    process = subprocess.Popen(command, cwd=folder, start_new_session=True)

    def watch() -> int:
        while (status := _status(process, _LOOK_EVERY_S)) is None and not ended.is_set():
            pass
        return 0 if ended.is_set() else status or 0

    try:
        yield watch
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                _status(process, _PATIENCE_S)
        # Whatever it has left behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


def _say_what_runs_next(settings: Settings, stopped: Collection[str]) -> None:
    """Print the next ticks, while Dagster is starting."""
    from pipelines.cli.next_ticks import lines

    try:
        text = "\n".join(lines(settings, stopped, datetime.now(UTC)))
    except Exception as error:
        # Dagster says what is wrong with the definitions, and works on what is right.
        text = f"What runs next cannot be said: {error}"
    console().print(text)


def _status(process: "subprocess.Popen[bytes]", patience_s: float) -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(patience_s)
    return None


@contextlib.contextmanager
def _account(demo: Path | None) -> Iterator[dict[str, str]]:
    """Yield the environment of the demo's account, or of the owner's own."""
    if demo is None:
        yield own_environment()
        return
    from pipelines.cli.demo_command import simulated_account

    with simulated_account(demo) as environment:
        yield environment
