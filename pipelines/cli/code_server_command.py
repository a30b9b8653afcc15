"""`givlake code-server`: one account's code for a Dagster whose other processes run elsewhere."""

import os

import click

from pipelines.child_environment import own_environment
from pipelines.cli.common import EXIT_USAGE, KnownError
from pipelines.cli.context import pass_settings
from pipelines.cli.local_faults import port_fault
from pipelines.dagster_workarounds.code_location import location_name
from pipelines.dagster_workarounds.services import network_code_server
from pipelines.settings import Settings


@click.command("code-server")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=4000,
    show_default=True,
    help="Port to listen on.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@pass_settings
def code_server(settings: Settings, port: int, host: str) -> None:
    """Serve one account's code to a Dagster whose other processes run elsewhere.

    For several accounts under one Dagster, as docs/fleet.md describes: its web server and daemon
    name this address in their workspace file. Runs of the account run here.
    """
    if (fault := port_fault(host, port)) is not None:
        raise KnownError(fault, EXIT_USAGE)
    from pipelines.cli.account_preparation import prepare_account

    home = prepare_account(settings)
    # In place of this process, which a service manager then stops directly. Dagster would load a
    # `.env` of the working folder.
    environment = own_environment(settings)
    os.chdir(home)
    server = network_code_server(location_name(settings.account_name), host, port)
    os.execve(server[0], server, environment)
