"""`givlake ui`: Dagster's web page and daemon on the data folder."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import click

from pipelines.cli.common import console
from pipelines.settings import load_settings


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
        # By SIGINT Dagster ends its own processes; a shell's background jobs begin with it ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(
            [dagster_program(), "dev", "-m", "pipelines.definitions", "-h", host, "-p", str(port)],
            env={**os.environ, **(environment or {}), "GIVLAKE_DATA": str(settings.data)},
        )
        # Ctrl-C reaches Dagster as well; what a service manager sends does not.
        signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(signal.SIGINT))
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                raise SystemExit(process.wait())


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
