"""One HTTP exchange: send a request, read a response of limited size in limited time.

Rate limits, retries and what a response means are handled elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from givenergy.local_network import network_settings
from givenergy.models import EXCERPT_BYTES
from givenergy.version import __version__

__all__ = ["RawResponse", "Timeouts", "TooLargeError", "Transport", "TransportError"]

_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a connection, for the next bytes, and for the whole response."""

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 300.0


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A complete response: status, headers and the content-decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No complete response arrived.

    Attributes:
        kind: "timeout", "reset", "truncated", "unreachable", "tls" or "too_large".
        reached: Whether the request may have arrived at the server.
        status: Status of a response whose body is incomplete, else None.
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
    """The response is larger than allowed."""


class Transport:
    """Pooled connections to one host; safe for threads.

    Args:
        base_url: A URL that `checked_url` returned.
        token: The bearer token.
        connections: Connections kept open for reuse.
        timeouts: How long to wait for what.
        max_bytes: Largest body accepted, content-decoded.

    Raises:
        LocalFaultError: If a proxy or certificates in the environment cannot be used.
    """

    def __init__(
        self, base_url: str, token: str, *, connections: int, timeouts: Timeouts, max_bytes: int
    ) -> None:
        self._base_url = base_url
        self._timeouts = timeouts
        self._max_bytes = max_bytes
        self._session = requests.Session()
        # ~/.netrc would replace the Authorization header. Proxies and CA bundles from the
        # environment are used, and looked up once instead of for each request.
        self._session.trust_env = False
        self._network = network_settings(base_url)
        self._session.proxies = self._network.proxies
        self._session.verify = str(self._network.bundle) if self._network.bundle else True
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
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(
        self, method: str, path: str, *, query: Mapping[str, Any], body: bytes | None
    ) -> RawResponse:
        """Send one request and read the whole response. Redirects are not followed.

        A query parameter whose value is a list is repeated for each of its elements.

        Raises:
            LocalFaultError: If a setting of this machine keeps the request from being sent.
            TransportError: If no complete response arrived.
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
            raise self._network.fault_of(error) or _transport_error(error) from error
        except (OSError, ValueError) as error:
            raise self._network.unexpected_fault(error) from error
        try:
            body = self._read(response, deadline)
        except BaseException:
            # A connection with unread bytes cannot be reused.
            response.close()
            raise
        return RawResponse(response.status_code, response.headers, body)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        details: dict[str, Any] = {"status": response.status_code, "headers": response.headers}
        try:
            # read1 returns what has arrived: a slow body cannot outlast the deadline.
            while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
                chunks.append(chunk)
                size += len(chunk)
                if size > self._max_bytes:
                    raise TooLargeError(
                        "too_large",
                        f"The response is larger than {self._max_bytes} bytes.",
                        excerpt=chunks[0][:EXCERPT_BYTES],
                        **details,
                    )
                if time.monotonic() > deadline:
                    raise TransportError(
                        "timeout",
                        f"The response was not complete after {self._timeouts.total_s:g} s.",
                        excerpt=chunks[0][:EXCERPT_BYTES],
                        **details,
                    )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            kind, message = "truncated", "The response ended within its body."
            if isinstance(error, urllib3.exceptions.ReadTimeoutError | TimeoutError):
                kind = "timeout"
                message = f"The response stalled in its body for {self._timeouts.read_s:g} s."
            excerpt = chunks[0][:EXCERPT_BYTES] if chunks else b""
            raise TransportError(kind, message, excerpt=excerpt, **details) from error
        response.raw.release_conn()
        return b"".join(chunks)


def _transport_error(error: requests.RequestException) -> TransportError:
    """Return the failure in our own words: the exception may contain a proxy's password."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(error, requests.exceptions.SSLError):
        return TransportError(
            "tls", "The server's certificate or TLS configuration is not accepted.", reached=False
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError("timeout", "No connection within the time limit.", reached=False)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return TransportError("timeout", "No response within the time limit.")
    if isinstance(error, requests.exceptions.ProxyError):
        return TransportError("unreachable", "The proxy refuses, or is not there.", reached=False)
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return TransportError("unreachable", "The host name cannot be resolved.", reached=False)
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return TransportError("unreachable", "The host refuses the connection.", reached=False)
    return TransportError("reset", "The connection was closed before a response arrived.")
