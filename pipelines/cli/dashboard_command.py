"""`givlake dashboard`: serve a page that shows the data folder."""

import socket
import webbrowser
from functools import partial

import click
from click.core import ParameterSource

from pipelines.cli.common import console
from pipelines.cli.context import pass_settings
from pipelines.cli.web_server import (
    ALL_ADDRESSES,
    HOW_TO_STOP,
    WebServer,
    address_of,
    listen,
    serve_until_stopped,
)
from pipelines.settings import Settings

DEFAULT_PORT = 8050
# Other dashboards, of other data folders, may have the ports from the default on.
_TRIES = 21


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@pass_settings
def dashboard(settings: Settings, port: int, host: str, opens: bool) -> None:
    """Show the data folder in the browser; stop it with Ctrl-C.

    The page is of this machine only, and nothing on it comes from or goes to another one. It needs
    no token and changes nothing. With --host it can be opened from the network, without a password.
    """
    from pipelines.dashboard.web_security import is_loopback

    is_local = is_loopback(host)
    source = click.get_current_context().get_parameter_source("port")
    tries = _TRIES if source is ParameterSource.DEFAULT else 1
    listener, chosen = listen(host, port, tries=tries)
    with listener:
        address = address_of(host, chosen)

        def begin() -> None:
            if chosen != port and port:
                console().print(f"Port {port} is in use, so the dashboard has port {chosen}.")
            console().print(f"Dashboard: {address} (data in {settings.data}). {HOW_TO_STOP}")
            if not settings.data.exists():
                console(stderr=True).print(
                    f"There is no folder {settings.data} yet: the page says how to begin."
                )
            if host in ALL_ADDRESSES:
                console().print(
                    f"Others open http://{socket.gethostname()}:{chosen}, or the same port of an"
                    " IP address of this machine."
                )
            if not is_local:
                console(stderr=True).print(
                    f"Everyone who reaches {host} over the network can read your history: there is"
                    " no password. Leave --host out to show it on this machine only."
                )
            if opens:
                webbrowser.open(address)

        serve_until_stopped(partial(_served, settings, is_local), listener, begin)


def _served(settings: Settings, is_local: bool) -> WebServer:
    from pipelines.dashboard.web_app import dashboard_app

    app = dashboard_app(settings, is_local=is_local)
    return WebServer(app, app.state.data.warm_up, app.state.data.close)
