"""A small HTTP/1.1 server on plain sockets: keep-alive, a thread per connection, and faults.

Belongs here: connections, parsing requests, delivering answers as ordered, down to resets.
Does not belong here: what is answered. The standard library's server is not used because it
hides the socket and parses headers at several times the cost.
"""

import gzip
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from simulator.answers import Answer

_HEAD_LIMIT_BYTES = 65_536
_BODY_LIMIT_BYTES = 64 * 1024 * 1024
_GZIP_FROM_BYTES = 1_000
_PIECE_BYTES = 65_536
_LINGER_NONE = struct.pack("ii", 1, 0)


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
    def accepts_gzip(self) -> bool:
        """Whether the client wants a compressed answer."""
        return "gzip" in self.headers.get("accept-encoding", "")


class BadRequestError(Exception):
    """What arrived is not HTTP."""


Handler = Callable[[Request], tuple[Answer, Callable[[bool], None]]]


class HttpServer:
    """Listens on one address; after ``stop`` nobody answers, ``start`` opens the same port."""

    def __init__(
        self,
        host: str,
        port: int,
        handler: Handler,
        *,
        keep_alive_s: float,
        requests_per_connection: int | None,
        compress: bool,
    ) -> None:
        """``handler`` gives an answer and is told afterwards whether all of it was sent."""
        self.host = host
        self.port = port
        self._handler = handler
        self._keep_alive_s = keep_alive_s
        self._most_requests = requests_per_connection
        self._compress = compress
        self._listener: socket.socket | None = None
        self._threads: set[threading.Thread] = set()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether connections are accepted."""
        return self._listener is not None

    def start(self) -> None:
        """Begins to listen. Raises ``OSError`` when the address cannot be had."""
        if self._listener is not None:
            return
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(256)
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._spawn(self._accept, listener)

    def stop(self) -> None:
        """Stops listening and cuts every connection; waits for the threads, at most 5 s."""
        with self._lock:
            listener, self._listener = self._listener, None
            connections = list(self._connections)
            threads = list(self._threads)
        if listener is None:
            return
        for connection in (listener, *connections):
            _shut(connection)
        listener.close()
        deadline = time.monotonic() + 5
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(deadline - time.monotonic(), 0))

    def _spawn(self, target: Callable[[socket.socket], None], argument: socket.socket) -> None:
        def run() -> None:
            try:
                target(argument)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, daemon=True, name="simulator")
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed by stop
            with self._lock:
                if self._listener is not listener:
                    connection.close()
                    return
                self._connections.add(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._converse(connection)
        except OSError:
            return  # the client went away, or stop cut the connection
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        reader = _Reader(connection, self._keep_alive_s)
        served = 0
        while True:
            try:
                request = reader.request()
            except BadRequestError as error:
                body = f'{{"message":"{error}"}}'.encode()
                _Delivery(connection, Answer(400, body), False, False, False).run()
                return
            if request is None:
                return
            served += 1
            last = served == self._most_requests or not _keeps_alive(request)
            answer, delivered = self._handler(request)
            delivery = _Delivery(
                connection,
                answer,
                not last,
                request.method == "HEAD",
                request.accepts_gzip and self._compress,
            )
            whole = False
            try:
                whole = delivery.run()
            finally:
                delivered(whole)
            if last or not whole:
                return


class _Reader:
    """Takes requests off a connection, one after the other."""

    def __init__(self, connection: socket.socket, keep_alive_s: float) -> None:
        self._connection = connection
        self._keep_alive_s = keep_alive_s
        self._buffer = b""

    def request(self) -> Request | None:
        """The next request; None when the client closed or stayed idle."""
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


@dataclass(slots=True)
class _Delivery:
    """One answer and the way it is sent."""

    connection: socket.socket
    answer: Answer
    keep_alive: bool
    head_only: bool
    compress: bool

    def run(self) -> bool:
        """Sends it; False when it did not go out whole, after which the connection is done."""
        orders = self.answer.delivery
        if orders.stall_first_s and not self._stall(orders.stall_first_s):
            return False
        if orders.end in ("reset", "close"):
            self._close(reset=orders.end == "reset")
            return False
        head, body = self._render()
        if orders.chunked:
            self.connection.sendall(head)
            for start in range(0, len(body), _PIECE_BYTES):
                piece = body[start : start + _PIECE_BYTES]
                self.connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.connection.sendall(b"0\r\n\r\n")
            return True
        if not orders.stall_body_s and orders.end is None:
            self.connection.sendall(head + body)
            return True
        half = len(body) // 2
        self.connection.sendall(head + body[:half])
        if orders.end is not None:
            # Without a moment's wait the reset could overtake what was sent before it.
            time.sleep(0.02)
            self._close(reset=orders.end == "reset_body")
            return False
        if not self._stall(orders.stall_body_s):
            return False
        self.connection.sendall(body[half:])
        return True

    def _render(self) -> tuple[bytes, bytes]:
        answer = self.answer
        packed = answer.packed if self.compress or answer.force_packed else None
        if packed is None and self.compress and len(answer.body) >= _GZIP_FROM_BYTES:
            packed = gzip.compress(answer.body, 1)
        body = packed if packed is not None else answer.plain()
        lines = [
            f"HTTP/1.1 {answer.status} {_reason(answer.status)}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(body)}"
            if not answer.delivery.chunked
            else "Transfer-Encoding: chunked",
            f"Connection: {'keep-alive' if self.keep_alive else 'close'}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if packed is not None:
            lines += ["Content-Encoding: gzip", "Vary: Accept-Encoding"]
        head = "\r\n".join(lines) + "\r\n\r\n"
        return head.encode("latin-1"), b"" if self.head_only else body

    def _stall(self, seconds: float) -> bool:
        """Waits; False when the connection ended meanwhile."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if not readable:
            return True
        if self.connection.recv(1, socket.MSG_PEEK):
            time.sleep(seconds)  # a pipelined request is no reason to answer sooner
            return True
        return False

    def _close(self, *, reset: bool) -> None:
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        else:
            _shut(self.connection)
        self.connection.close()


def _keeps_alive(request: Request) -> bool:
    wish = request.headers.get("connection", "").lower()
    return wish != "close" and (request.headers["version"] == "HTTP/1.1" or wish == "keep-alive")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was not connected any more
