"""The served API of a data folder, in this process, and requests to it over HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import uvicorn

from pipelines.serve.api_app import served_app
from pipelines.serve.missing_log import MissingLog
from pipelines.settings import Settings
from tests.support.timeouts import TIMEOUT_S

TOKEN = "a-token-of-the-archive-itself"


class ApiClient:
    """Sends requests to the API at an address."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self.headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }

    def send(self, method: str, path: str, **sent: Any) -> requests.Response:
        """Send a request and return the response, whatever its status."""
        headers = {**self.headers, **sent.pop("headers", {})}
        return requests.request(
            method, self.base_url + path, headers=headers, timeout=TIMEOUT_S, **sent
        )

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """Return the JSON of a GET with status 200."""
        response = self.send("GET", path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, content: Mapping[str, object]) -> Any:
        """Return the JSON of a POST with status 200."""
        response = self.send("POST", path, json=content)
        assert response.status_code == 200, response.text
        return response.json()

    def refusal(self, method: str, path: str, **sent: Any) -> tuple[int, str]:
        """Return status and message of a response."""
        response = self.send(method, path, **sent)
        return response.status_code, response.json()["message"]


class ServedApi(ApiClient):
    """A running server."""

    def __init__(self, port: int, missing: MissingLog) -> None:
        super().__init__(f"http://127.0.0.1:{port}/v1", TOKEN)
        self.missing = missing


@contextlib.contextmanager
def served_api(
    settings: Settings, *, limit: int = 100_000, reopen_every_s: float = 0.0
) -> Iterator[ServedApi]:
    """Serve the archive of a data folder on a free port."""
    app = served_app(settings, TOKEN, limit=limit, reopen_every_s=reopen_every_s)
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
            yield ServedApi(listener.getsockname()[1], app.state.api.missing)
        finally:
            server.should_exit = True
            thread.join()
