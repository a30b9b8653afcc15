"""The HTTP/1.1 server: keep-alive, a thread per connection, and responses sent as ordered.

Belongs here: connections, reading requests, writing responses as their `Delivery` says, down to a
reset in the middle of a body. Does not belong here: which response a request gets (`simulator.api`)
and which faults happen (`faults`).
"""

import gzip
import select
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from simulator.http.messages import HttpRequest, HttpResponse, json_response

_LINE_LIMIT_BYTES = 65_536
_MAX_HEADERS = 100
_BODY_LIMIT_BYTES = 64 * 1024 * 1024
_GZIP_FROM_BYTES = 1_000
_CHUNK_BYTES = 65_536
_LINGER_NONE = struct.pack("ii", 1, 0)
_JOIN_TIMEOUT_S = 10.0

Responder = Callable[[HttpRequest], tuple[HttpResponse, Callable[[bool], None]]]


class HttpServer(ThreadingHTTPServer):
    """Listens on one address from construction, serves from `start` to `stop`."""

    request_queue_size = 256
    allow_reuse_port = False

    def __init__(
        self,
        host: str,
        port: int,
        respond: Responder,
        *,
        keep_alive_s: float,
        requests_per_connection: int | None,
        compress: bool,
    ) -> None:
        """Bind the address.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            respond: Returns a response, and what to call with whether all of it was sent.
            keep_alive_s: Close a connection that is idle for this long.
            requests_per_connection: Close a connection after so many responses.
            compress: Compress responses if the client accepts it.

        Raises:
            OSError: The address is not available.
        """
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.respond = respond
        self.keep_alive_s = keep_alive_s
        self.requests_per_connection = requests_per_connection
        self.compress = compress
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._acceptor = threading.Thread(target=self.serve_forever, daemon=True, name="simulator")
        super().__init__((host, port), _Connection)

    def server_bind(self) -> None:
        """Bind without the lookup of the host's name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)

    def start(self) -> None:
        """Accept connections in a thread."""
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening, cut every connection, and wait for their threads."""
        _shut_down(self.socket)  # wakes the accepting thread at once
        self.shutdown()
        self.server_close()
        self._acceptor.join()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections:
            _shut_down(connection)
        deadline = time.monotonic() + _JOIN_TIMEOUT_S
        for thread in connections.values():
            if thread is not threading.current_thread():
                thread.join(max(deadline - time.monotonic(), 0))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that `stop` can wait for."""
        arguments = (request, client_address)
        thread = threading.Thread(
            target=self.process_request_thread, args=arguments, daemon=True, name="simulator"
        )
        with self._lock:
            self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._connections.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error in a connection's thread, unless the connection was only cut."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _BadRequestError(Exception):
    """The received bytes are not a valid HTTP request."""


class _Connection(BaseHTTPRequestHandler):
    """One connection and the requests on it."""

    disable_nagle_algorithm = True
    server: HttpServer

    def setup(self) -> None:
        """Start counting responses."""
        super().setup()
        self._responses = 0
        self.command = ""

    def handle_one_request(self) -> None:
        """Read a request and send its response; `close_connection` says whether that was all."""
        self.close_connection = True
        self.connection.settimeout(self.server.keep_alive_s)
        try:
            request = self._read()
        except TimeoutError:
            return
        except _BadRequestError as error:
            self._send(json_response(400, {"message": str(error)}), compress=False)
            return
        if request is None:
            return
        self.connection.settimeout(None)
        self._responses += 1
        is_last = self._responses == self.server.requests_per_connection
        self.close_connection = is_last or not _is_kept_alive(self.request_version, request)
        response, sent = self.server.respond(request)
        complete = False
        try:
            complete = self._send(response, compress=request.accepts_gzip and self.server.compress)
        finally:
            sent(complete)
        if not complete:
            self.close_connection = True

    def _read(self) -> HttpRequest | None:
        """Return the next request, or None if the client closed. Raises `_BadRequestError`.

        The inherited parser, made for e-mail, costs a fifth of the rate of small responses.
        """
        first = self.rfile.readline(_LINE_LIMIT_BYTES)
        if not first:
            return None
        words = first.decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise _BadRequestError("Malformed request line.")
        self.command, target, self.request_version = words
        headers: dict[str, str] = {}
        while (line := self.rfile.readline(_LINE_LIMIT_BYTES)) not in (b"\r\n", b"\n"):
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not line.endswith(b"\n") or len(headers) == _MAX_HEADERS:
                raise _BadRequestError("Malformed header.")
            headers[name.lower()] = value.strip()
        path, _, query = target.partition("?")
        return HttpRequest(
            method=self.command,
            target=target,
            path=unquote(path),
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=headers,
            body=self._read_body(headers),
            peer=self.client_address[:2],
        )

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise _BadRequestError("A request body needs a Content-Length.")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > _BODY_LIMIT_BYTES:
            raise _BadRequestError("Invalid Content-Length.")
        if headers.get("expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _BadRequestError("The body is incomplete.")
        return body

    def _send(self, response: HttpResponse, *, compress: bool) -> bool:
        """Send a response; return False if it was not sent whole."""
        delivery = response.delivery
        if delivery.stall_first_s and not self._stall(delivery.stall_first_s):
            return False
        if delivery.end in ("reset", "close"):
            self._cut(reset=delivery.end == "reset")
            return False
        head, body = self._rendered(response, compress=compress)
        if delivery.chunked:
            self.connection.sendall(head)
            for start in range(0, len(body), _CHUNK_BYTES):
                chunk = body[start : start + _CHUNK_BYTES]
                self.connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.connection.sendall(b"0\r\n\r\n")
            return True
        if not delivery.stall_body_s and delivery.end is None:
            self.connection.sendall(head + body)
            return True
        half = len(body) // 2
        self.connection.sendall(head + body[:half])
        if delivery.end is not None:
            # Without a pause the reset could overtake what was sent before it.
            time.sleep(0.02)
            self._cut(reset=delivery.end == "reset_body")
            return False
        if not self._stall(delivery.stall_body_s):
            return False
        self.connection.sendall(body[half:])
        return True

    def _rendered(self, response: HttpResponse, *, compress: bool) -> tuple[bytes, bytes]:
        """Return the status line with headers, and the body as it is sent."""
        compressed = response.compressed if compress or response.force_compressed else None
        if compressed is None and compress and len(response.body) >= _GZIP_FROM_BYTES:
            compressed = gzip.compress(response.body, 1, mtime=0)
        body = compressed if compressed is not None else response.plain()
        chunked = response.delivery.chunked
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
        lines = [
            f"HTTP/1.1 {response.status} {_reason(response.status)}",
            f"Content-Type: {response.content_type}",
            length,
            f"Connection: {'close' if self.close_connection else 'keep-alive'}",
            *(f"{name}: {value}" for name, value in response.headers.items()),
        ]
        if compressed is not None:
            lines += ["Content-Encoding: gzip", "Vary: Accept-Encoding"]
        head = "\r\n".join(lines) + "\r\n\r\n"
        return head.encode("latin-1"), b"" if self.command == "HEAD" else body

    def _stall(self, seconds: float) -> bool:
        """Wait; return False if the connection ended meanwhile."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if not readable:
            return True
        if self.connection.recv(1, socket.MSG_PEEK):
            time.sleep(seconds)  # a pipelined request is no reason to respond sooner
            return True
        return False

    def _cut(self, *, reset: bool) -> None:
        """End the connection: with a reset, or in order."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        else:
            _shut_down(self.connection)
        # The socket closes with the last file on it; a shutdown before that would send a FIN.
        self.rfile.close()
        self.connection.close()


def _is_kept_alive(version: str, request: HttpRequest) -> bool:
    wanted = request.headers.get("connection", "").lower()
    return wanted == "keep-alive" or (wanted != "close" and version == "HTTP/1.1")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _shut_down(connection: socket.socket) -> None:
    """End both directions of a connection, if it is still connected."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
