"""What the dashboard's server refuses, and the headers of each answer.

It answers only those who call it by an address or a name of this machine: a page of another site
that makes its own name point here (DNS rebinding) sends that name as `Host`.
"""

import ipaddress
import socket
from functools import cache

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK_NAMES = ("localhost",)
_METHODS = ("GET", "HEAD")
_SHOWN = 60
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline';"
        " img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Checks host and method of each request, and adds the headers to each answer."""

    def __init__(self, app: ASGIApp, *, is_local: bool) -> None:
        """Guard an application.

        Args:
            app: The application.
            is_local: Whether it listens on the loopback address only.
        """
        self._app = app
        self._is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
        app = self._app
        if not is_own_host(host, is_local=self._is_local):
            app = _refusal(
                421,
                f"{host[:_SHOWN]!r} is no name of this machine: use the address that givlake"
                " dashboard printed"
                f"{'.' if self._is_local else ', or the IP address of this machine.'}",
            )
        elif scope["method"] not in _METHODS:
            app = _refusal(405, "The dashboard only shows: use GET.", {"Allow": "GET, HEAD"})
        await app(scope, receive, send_with_headers)


def is_own_host(host: str, *, is_local: bool) -> bool:
    """Return whether a `Host` header names this machine.

    Args:
        host: The header, with or without a port.
        is_local: Whether only the loopback address is served; else any IP address can be this
            machine's, and its names are known.
    """
    name = host_name(host)
    if name is None:
        return False
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in _LOOPBACK_NAMES or (not is_local and name in _own_names())
    return address.is_loopback or not is_local


def host_name(host: str) -> str | None:
    """Return the name or address of a `Host` header, in lower case; None if it has none."""
    host = host.strip().lower()
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        if not bracket:
            return None
    else:
        name, colon, rest = host.partition(":")
        rest = colon + rest
    if rest and not (rest[0] == ":" and rest[1:].isascii() and rest[1:].isdigit()):
        return None
    return name.rstrip(".") or None


def is_loopback(host: str) -> bool:
    """Return whether an address or name to listen at is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


@cache
def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, name.partition(".")[0], f"{name.partition('.')[0]}.local"})


def _refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> ASGIApp:
    return JSONResponse({"error": sentence}, status, headers)
