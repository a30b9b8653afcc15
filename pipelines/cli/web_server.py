"""Serve a web application from a command, until the process is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.cli.common import EXIT_USAGE, KnownError
from pipelines.cli.local_faults import port_fault

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOW_TO_STOP = "Press Ctrl-C to stop."
ALL_ADDRESSES = ("0.0.0.0", "::")
_STOP_S = 1
_LOOK_EVERY_S = 1.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class WebServer:
    """An application to serve.

    Attributes:
        app: The application.
        warm_up: Called in a thread of its own at the start.
        close: Called at the end: ends what still waits for data.
    """

    app: Starlette
    warm_up: Callable[[], None]
    close: Callable[[], None]


def serve_until_stopped(
    make: Callable[[], WebServer], listener: socket.socket, begin: Callable[[], object]
) -> None:
    """Serve until the process is told to stop, by Ctrl-C or SIGTERM.

    Args:
        make: Makes the application, which takes longer than saying where it will be.
        listener: The socket.
        begin: Called when the signals are handled.
    """
    stopped = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda number, frame: stopped.set())
    begin()
    import uvicorn

    made = make()
    server = uvicorn.Server(
        uvicorn.Config(
            made.app,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_STOP_S,
        )
    )
    # Outside of the main thread uvicorn leaves the signals alone.
    threads = [
        threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server"),
        threading.Thread(target=made.warm_up, name="warm-up"),
    ]
    for thread in threads:
        thread.start()
    while threads[0].is_alive() and not stopped.wait(_LOOK_EVERY_S):
        pass
    server.should_exit = True
    # Requests that wait for data are ended on purpose.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    made.close()
    for thread in threads:
        thread.join()


def listen(host: str, port: int, *, tries: int = 1) -> tuple[socket.socket, int]:
    """Return a listening socket and its port.

    Args:
        host: The address.
        port: The port; 0 takes a free one.
        tries: How many ports to try, from this one on.

    Raises:
        KnownError: Nothing can listen there.
    """
    first_fault = ""
    for candidate in range(port, port + tries):
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
        first_fault = first_fault or fault
    raise KnownError(first_fault, EXIT_USAGE)


def address_of(host: str, port: int) -> str:
    """Return the address at which this machine reaches a server that listens at a host."""
    # Where it listens at all addresses, this machine has this one.
    name = "127.0.0.1" if host in ALL_ADDRESSES else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"
