"""The dashboard's server of a data folder, in this process, and requests to it over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import uvicorn

from pipelines.dashboard import dashboard_app
from pipelines.settings import Settings
from tests.support.timeouts import TIMEOUT_S


@dataclass(frozen=True)
class Answer:
    """An answer of the server."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body, which must be JSON without NaN."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body, parse_constant=_refuse)


class DashboardServer:
    """A running server."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(
        self,
        path: str,
        arguments: Mapping[str, object] | None = None,
        *,
        method: str = "GET",
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        query = f"?{urlencode(arguments)}" if arguments else ""
        with contextlib.closing(connection):
            connection.putrequest(method, path + query, skip_host=True, skip_accept_encoding=True)
            if host != "":
                connection.putheader("Host", host or f"127.0.0.1:{self.port}")
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())

    def charts(self, *names: str, **arguments: object) -> dict[str, Any]:
        """Return charts, which must all be there."""
        answer = self.get("/api/charts", {"names": ",".join(names), **arguments})
        assert answer.status == 200, answer.body
        charts: dict[str, Any] = answer.json()["charts"]
        assert list(charts) == list(names)
        return charts


@contextlib.contextmanager
def dashboard_server(
    settings: Settings, *, is_local: bool = True, **options: float
) -> Iterator[DashboardServer]:
    """Serve a data folder on a free port."""
    app = dashboard_app(settings, is_local=is_local, **options)
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            end = time.monotonic() + TIMEOUT_S
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < end
                time.sleep(0.01)
            yield DashboardServer(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


def _refuse(constant: str) -> object:
    raise AssertionError(f"{constant} is no JSON")
