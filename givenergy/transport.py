"""One HTTP exchange: a request goes out, an answer of bounded size comes back in bounded time.

Nothing here knows of limits, tries or what an answer means.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from givenergy.attempts import EXCERPT_BYTES
from givenergy.version import __version__

__all__ = ["Answer", "Timeouts", "TooLargeError", "Transport", "TransportError"]

_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait: for a connection, for the next bytes, and for the whole answer."""

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers and the content-decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No whole answer arrived.

    Attributes:
        kind: "timeout", "reset", "truncated", "unreachable" or "tls".
        reached: Whether the request may have arrived at the server.
        status: Status of an answer whose body broke off, else None.
        headers: Its headers.
        excerpt: The beginning of its body.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        reached: bool = True,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        excerpt: bytes = b"",
    ) -> None:
        self.kind = kind
        self.reached = reached
        self.status = status
        self.headers = headers or {}
        self.excerpt = excerpt
        super().__init__(message)


class TooLargeError(TransportError):
    """The answer is larger than allowed."""


class _LiveConnections:
    """The connections that are open, so that whatever waits for an answer can be interrupted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[urllib3.connection.HTTPConnection] = weakref.WeakSet()

    def mount_on(self, adapter: HTTPAdapter) -> None:
        """Note every connection that the adapter makes (those through a proxy apart)."""
        note = self._note

        class Http(urllib3.connection.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                note(self)

        class Https(urllib3.connection.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                note(self)

        class HttpPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Http

        class HttpsPool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Https

        adapter.poolmanager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}

    def shut_down(self) -> None:
        """End every exchange that is under way."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            if connection.sock is not None:
                # A connection that the other side has closed just now needs no ending.
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _note(self, connection: urllib3.connection.HTTPConnection) -> None:
        with self._lock:
            self._open.add(connection)


class Transport:
    """Pooled connections to one host; safe for threads.

    Args:
        base_url: A URL that `checked_url` returned.
        token: The bearer token.
        connections: Connections kept open for use again.
        timeouts: How long to wait for what.
        max_bytes: Largest body accepted, content-decoded.
    """

    def __init__(
        self, base_url: str, token: str, *, connections: int, timeouts: Timeouts, max_bytes: int
    ) -> None:
        self._base_url = base_url
        self._timeouts = timeouts
        self._max_bytes = max_bytes
        self._session = requests.Session()
        # The environment's ~/.netrc would replace the Authorization header; proxies and CA
        # bundles of the environment are wanted, and looked up once instead of for each request.
        self._session.trust_env = False
        self._session.proxies = get_environ_proxies(base_url)
        self._session.verify = (
            os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        )
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers = requests.structures.CaseInsensitiveDict(
            {
                "Accept": "application/json",
                "Content-Type": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": f"givlake/{__version__}",
                "Authorization": f"Bearer {token}",
            }
        )
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._live = _LiveConnections()
        self._live.mount_on(adapter)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(
        self, method: str, path: str, *, query: Mapping[str, Any], body: bytes | None
    ) -> Answer:
        """Send one request and read the whole answer. Redirects are not followed.

        A query parameter whose value is a list is repeated for each of its elements.

        Raises:
            TransportError: If no whole answer arrived.
            TooLargeError: If it is larger than allowed.
        """
        deadline = time.monotonic() + self._timeouts.total_s
        try:
            response = self._session.request(
                method,
                self._base_url + path,
                params=query or None,
                data=body,
                timeout=(self._timeouts.connect_s, self._timeouts.read_s),
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise _explained(error) from error
        try:
            return Answer(response.status_code, response.headers, self._read(response, deadline))
        except BaseException:
            # A connection with unread bytes cannot be used again.
            response.close()
            raise

    def interrupt(self) -> None:
        """End every exchange that is under way; its `send` raises `TransportError`."""
        self._live.shut_down()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        facts: dict[str, Any] = {"status": response.status_code, "headers": response.headers}
        try:
            # read1 returns what is there: a body that drips cannot outlive the deadline.
            while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
                chunks.append(chunk)
                size += len(chunk)
                if size > self._max_bytes:
                    raise TooLargeError(
                        "too_large",
                        f"The answer is larger than {self._max_bytes} bytes.",
                        excerpt=chunks[0][:EXCERPT_BYTES],
                        **facts,
                    )
                if time.monotonic() > deadline:
                    raise TransportError(
                        "timeout",
                        f"The answer was not complete after {self._timeouts.total_s:g} s.",
                        excerpt=chunks[0][:EXCERPT_BYTES],
                        **facts,
                    )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            kind, message = "truncated", "The answer broke off in its body."
            if isinstance(error, urllib3.exceptions.ReadTimeoutError | TimeoutError):
                kind = "timeout"
                message = f"The answer stalled in its body for {self._timeouts.read_s:g} s."
            excerpt = chunks[0][:EXCERPT_BYTES] if chunks else b""
            raise TransportError(kind, message, excerpt=excerpt, **facts) from error
        response.raw.release_conn()
        return b"".join(chunks)


def _explained(error: requests.RequestException) -> TransportError:
    """The failure in words of our own: an exception's text may name a proxy with its password."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(error, requests.exceptions.SSLError):
        return TransportError(
            "tls", "The server's certificate or TLS set-up is not accepted.", reached=False
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError("timeout", "No connection within the time set.", reached=False)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return TransportError("timeout", "No answer within the time set.")
    if isinstance(error, requests.exceptions.ProxyError):
        return TransportError("unreachable", "The proxy does not let it through.", reached=False)
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return TransportError("unreachable", "The host's name cannot be resolved.", reached=False)
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return TransportError("unreachable", "The host refuses the connection.", reached=False)
    return TransportError("reset", "The connection broke before an answer came.")
