"""Answers as they go out, down to resets in the middle of a body.

Belongs here: writing an answer to a socket as its ``Delivery`` orders. Does not belong here: which
orders are given (``faults``).
"""

import gzip
import select
import socket
import struct
import time
from dataclasses import dataclass
from http import HTTPStatus

from simulator.answers import Answer

_GZIP_FROM_BYTES = 1_000
_PIECE_BYTES = 65_536
_LINGER_NONE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class OutgoingAnswer:
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
            shut(self.connection)
        self.connection.close()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def shut(connection: socket.socket) -> None:
    """Ends both directions of a connection, if it still is one."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was not connected any more
