"""The simulator: a simulation behind an HTTP server on this machine.

Belongs here: starting and stopping the server, and which paths go to the API and which to control.
Does not belong here: what can be controlled (`simulation`).
"""

from collections.abc import Callable
from types import TracebackType

from simulator.config import SimulatorConfig
from simulator.control_api import CONTROL_PREFIX, ControlApi
from simulator.http.messages import HttpRequest, HttpResponse
from simulator.http.server import HttpServer
from simulator.simulation import Simulation


class Simulator(Simulation):
    """A GivEnergy Cloud of one's own. A context manager: it runs inside the `with` block."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        """Build the simulation; `start` makes it listen."""
        super().__init__(config)
        self._control = ControlApi(self)
        self._port = self.config.port
        self._server: HttpServer | None = None

    def __enter__(self) -> "Simulator":
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Listen; after a stop on the same port. Raises `OSError` if the port is taken."""
        if self._server is not None:
            return
        config = self.config
        self._server = HttpServer(
            config.host,
            self._port,
            self._respond,
            keep_alive_s=config.keep_alive_s,
            requests_per_connection=config.requests_per_connection,
            compress=config.gzip,
        )
        self._port = self._server.server_address[1]
        host = f"[{config.host}]" if ":" in config.host else config.host
        self._state.base_url = f"http://{host}:{self._port}/v1"
        self._server.start()

    def stop(self) -> None:
        """Cut all connections and refuse new ones, as a network failure does; keep the state."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _respond(self, request: HttpRequest) -> tuple[HttpResponse, Callable[[bool], None]]:
        if request.path.startswith(CONTROL_PREFIX):
            return self._control.handle(request), lambda complete: None
        return self._api.handle(request)
