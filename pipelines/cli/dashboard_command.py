"""`givlake dashboard`: serve a page that shows the data folder."""

import logging
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable

import click
from click.core import ParameterSource

from pipelines.cli.common import EXIT_USAGE, KnownError, console
from pipelines.cli.context import pass_settings
from pipelines.cli.local_faults import port_fault
from pipelines.settings import Settings

DEFAULT_PORT = 8050
# Other dashboards, of other data folders, may have the ports from the default on.
_TRIES = 20
_HOW_TO_STOP = "Press Ctrl-C to stop."
_ALL_ADDRESSES = ("0.0.0.0", "::")
_STOP_S = 1
_LOOK_EVERY_S = 1.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
    listener, chosen = _listener(host, port)
    with listener:
        # Where it listens at all addresses, this machine has this one.
        name = "127.0.0.1" if host in _ALL_ADDRESSES else f"[{host}]" if ":" in host else host
        address = f"http://{name}:{chosen}"

        def begin() -> None:
            if chosen != port and port:
                console().print(f"Port {port} is in use, so the dashboard has port {chosen}.")
            console().print(f"Dashboard: {address} (data in {settings.data}). {_HOW_TO_STOP}")
            if not settings.data.exists():
                console(stderr=True).print(
                    f"There is no folder {settings.data} yet: the page says how to begin."
                )
            if host in _ALL_ADDRESSES:
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

        _serve(settings, listener, is_local, begin)


def _serve(
    settings: Settings, listener: socket.socket, is_local: bool, begin: Callable[[], object]
) -> None:
    """Serve until the process is told to stop, by Ctrl-C or SIGTERM.

    Args:
        settings: Where the data folder is.
        listener: The socket.
        is_local: Whether it is reached from this machine only.
        begin: Called when the signals are handled.
    """
    stopped = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda number, frame: stopped.set())
    begin()
    import uvicorn

    from pipelines.dashboard.web_app import dashboard_app

    app = dashboard_app(settings, is_local=is_local)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_STOP_S,
        )
    )
    # Outside of the main thread uvicorn leaves the signals alone.
    threads = [
        threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server"),
        threading.Thread(target=app.state.data.warm_up, name="warm-up"),
    ]
    for thread in threads:
        thread.start()
    while threads[0].is_alive() and not stopped.wait(_LOOK_EVERY_S):
        pass
    server.should_exit = True
    # Requests that wait for data are ended on purpose.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    app.state.data.close()
    for thread in threads:
        thread.join()


def _listener(host: str, port: int) -> tuple[socket.socket, int]:
    """Return a listening socket and its port.

    Raises:
        KnownError: Nothing can listen there.
    """
    source = click.get_current_context().get_parameter_source("port")
    last = port + _TRIES if source is ParameterSource.DEFAULT else port
    for candidate in range(port, last + 1):
        if (fault := port_fault(host, candidate)) is None:
            family, kind, _, _, address = socket.getaddrinfo(
                host, candidate, type=socket.SOCK_STREAM
            )[0]
            listener = socket.socket(family, kind)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(address)
                listener.listen()
            except OSError as error:
                listener.close()
                fault = str(error)
            else:
                return listener, int(listener.getsockname()[1])
        if candidate == port:
            first_fault = fault
    raise KnownError(first_fault, EXIT_USAGE)
