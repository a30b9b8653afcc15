"""`givlake ui`: Dagster's web page and daemon on the data folder."""

import os
import subprocess

import click

from pipelines.cli.common import console
from pipelines.instance import dagster_program, use_dagster_home
from pipelines.settings import load_settings


@click.command()
@click.option("--port", type=int, default=3000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def ui(port: int, host: str) -> None:
    """Open Dagster on the data folder, schedules included; Ctrl-C ends it."""
    import dagster as dg

    settings = load_settings()
    home = use_dagster_home(settings)
    # Dagster's web server and daemon both create what is missing, and trip over each other: it is
    # created here, before there are two of them.
    with dg.DagsterInstance.get():
        pass
    console().print(f"Dagster on http://{host}:{port}, its state in {home}")
    environment = {**os.environ, "GIVLAKE_DATA": str(settings.data)}
    command = [dagster_program(), "dev", "-m", "pipelines.definitions", "-h", host, "-p", str(port)]
    process = subprocess.Popen(command, env=environment)
    try:
        raise SystemExit(process.wait())
    except KeyboardInterrupt:
        process.wait()
