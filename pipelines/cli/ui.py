"""`givlake ui`: Dagster's web page and daemon on the data folder."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import click

from pipelines.cli.common import console
from pipelines.settings import load_settings

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
    """Open Dagster on the data folder, schedules included; Ctrl-C ends it."""
    from pipelines.instance import dagster_program, open_instance, use_dagster_home

    with _account(demo) as environment:
        settings = load_settings(environment)
        home = use_dagster_home(settings)
        # Dagster's web server and daemon both create what is missing, and trip over each other:
        # it is created here, before there are two of them.
        with open_instance(settings):
            pass
        console().print(f"Dagster on http://{host}:{port}, its state in {home}. Ctrl-C ends it.")
        program = [dagster_program(), "dev", "-m", "pipelines.definitions"]
        program += ["-h", host, "-p", str(port)]
        of_account = {**os.environ, **(environment or {}), "GIVLAKE_DATA": str(settings.data)}
        raise SystemExit(_watched(program, of_account))


def _watched(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program until it ends or somebody ends us; then end it and all that it has started.

    Ctrl-C, and what a service manager sends, go to all of its processes, as from a terminal. Those
    that are just starting can miss it or wait for one another: they are ended more firmly.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: ended.set())
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    while (status := _status(process, _LOOK_EVERY_S)) is None and not ended.is_set():
        pass
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            status = _status(process, _PATIENCE_S)
    # Whatever it has left behind.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    return 0 if ended.is_set() else status or 0


def _status(process: "subprocess.Popen[bytes]", patience_s: float) -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(patience_s)
    return None


@contextlib.contextmanager
def _account(demo: Path | None) -> Iterator[dict[str, str] | None]:
    """Yield the environment of the demo's account, or None for the owner's own."""
    if demo is None:
        yield None
        return
    from pipelines.cli.demo import simulated_account

    commissioned = date.today() - timedelta(days=30)
    with simulated_account(inverters=3, commissioned=commissioned) as environment:
        yield {**environment, "GIVLAKE_DATA": str(demo)}
