"""Requests as they come off a connection.

Belongs here: parsing HTTP/1.1 as strictly as a real server does. Does not belong here: answers
(``http_delivery``). The standard library's parser is not used because it costs several times as
much as all the rest of a cached answer.
"""

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

_HEAD_LIMIT_BYTES = 65_536
_BODY_LIMIT_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 65_536
_ELEMENT = re.compile(r"\[\d*\]$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received; header names in lower case, ``received_at`` monotonic."""

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    peer: tuple[str, int]
    received_at: float = field(default_factory=time.monotonic)
    received_wall: float = field(default_factory=time.time)

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may stay open after the answer."""
        wish = self.headers.get("connection", "").lower()
        return wish != "close" and (self.headers["version"] == "HTTP/1.1" or wish == "keep-alive")

    def array(self, name: str) -> list[str] | str | None:
        """A parameter that is a list, given as ``name[]=…`` or ``name[0]=…``, in this order.

        A text where it was given without brackets, None where it is missing.
        """
        pairs = parse_qsl(self.target.partition("?")[2], keep_blank_values=True)
        values = [value for key, value in pairs if _ELEMENT.sub("", key) == name != key]
        return values or dict(pairs).get(name)

    @property
    def accepts_gzip(self) -> bool:
        """Whether the client wants a compressed answer."""
        return "gzip" in self.headers.get("accept-encoding", "")


class BadRequestError(Exception):
    """What arrived is not HTTP."""


class RequestReader:
    """Takes requests off a connection, one after the other."""

    def __init__(self, connection: socket.socket, keep_alive_s: float) -> None:
        """Gives up on a client that is silent for ``keep_alive_s``."""
        self._connection = connection
        self._keep_alive_s = keep_alive_s
        self._buffer = b""

    def request(self) -> Request | None:
        """The next request; None when the client closed or stayed idle.

        Raises ``BadRequestError`` for what is no HTTP, ``OSError`` when the connection breaks.
        """
        self._connection.settimeout(self._keep_alive_s)
        try:
            while (end := self._buffer.find(b"\r\n\r\n")) < 0:
                if len(self._buffer) > _HEAD_LIMIT_BYTES:
                    raise BadRequestError("Request header too large.")
                piece = self._connection.recv(_PIECE_BYTES)
                if not piece:
                    return None
                self._buffer += piece
        except TimeoutError:
            return None
        finally:
            self._connection.settimeout(None)
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return self._parse(head.decode("latin-1"))

    def _parse(self, head: str) -> Request:
        first, *lines = head.split("\r\n")
        try:
            method, target, version = first.split(" ")
        except ValueError:
            raise BadRequestError("Malformed request line.") from None
        if not version.startswith("HTTP/1."):
            raise BadRequestError("HTTP version not supported.")
        headers = {"version": version}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadRequestError("Malformed header.")
            headers[name.lower()] = value.strip()
        path, _, query = target.partition("?")
        return Request(
            method=method,
            target=target,
            path=unquote(path),
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=headers,
            body=self._body(headers),
            peer=self._connection.getpeername()[:2],
        )

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise BadRequestError("A request body needs a Content-Length.")
        text = headers.get("content-length", "0")
        if not text.isdigit() or int(text) > _BODY_LIMIT_BYTES:
            raise BadRequestError("Bad Content-Length.")
        length = int(text)
        if length and headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < length:
            piece = self._connection.recv(_PIECE_BYTES)
            if not piece:
                raise BadRequestError("The body ended early.")
            self._buffer += piece
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body
