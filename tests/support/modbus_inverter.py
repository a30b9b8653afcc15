"""An inverter's adapter on the home network: answers reads of registers, and records every request.

Frames are made by hand, byte by byte: nothing here is shared with the library that reads them.
"""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from socket import SHUT_RDWR, socket

from tests.support.made_house import Registers

_HEAD = struct.Struct(">HHHBB")
_ADAPTER = b"ZZ2222B002"
_KINDS = {3: "HR", 4: "IR"}
# MBAP header, serial of the adapter, padding.
_BEFORE_ADDRESS = 8 + 10 + 8


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class ModbusInverter:
    """What the adapter answers. Everything may be changed while it runs.

    Attributes:
        registers: Its registers at a moment.
        clock: The present moment.
        serial: In the frames of the answers; that of the registers is another.
        address: The device address that the inverter has; requests to others are not answered.
        silent: Blocks that are not answered, such as `("IR", 180)`.
        erring: Blocks that are answered with an error.
        broken: Blocks whose answers have a wrong checksum.
        short: Blocks of whose answers the second half of the registers is missing.
        late_s: Seconds to wait before an answer.
        hangs_up: Whether it closes every connection at the first request.
        garbage: What it answers to everything instead, if it is not None.
        functions: Function codes of all requests.
        requests: Kind, first register and number of registers of all reads.
        connections: Connections so far.
    """

    registers: Callable[[datetime], Registers]
    clock: Callable[[], datetime] = now
    serial: bytes = b"ZZ1111A001"
    address: int = 0x11
    silent: set[tuple[str, int]] = field(default_factory=set)
    erring: set[tuple[str, int]] = field(default_factory=set)
    broken: set[tuple[str, int]] = field(default_factory=set)
    short: set[tuple[str, int]] = field(default_factory=set)
    late_s: float = 0.0
    hangs_up: bool = False
    garbage: bytes | None = None
    functions: list[int] = field(default_factory=list)
    requests: list[tuple[str, int, int]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer(self, frame: bytes) -> bytes | None:
        """Return the answer to a request; None for none."""
        address, function = frame[_BEFORE_ADDRESS], frame[_BEFORE_ADDRESS + 1]
        self.functions.append(function)
        if self.garbage is not None:
            return self.garbage
        if function not in _KINDS:
            return None
        first, count = struct.unpack_from(">HH", frame, _BEFORE_ADDRESS + 2)
        kind = _KINDS[function]
        self.requests.append((kind, first, count))
        block = (kind, first)
        if address != self.address or block in self.silent:
            return None
        time.sleep(self.late_s)
        registers = self.registers(self.clock())
        keys = [(kind, number) for number in range(first, first + count)]
        if block in self.erring or not all(key in registers for key in keys):
            return self._frame(bytes([address, function | 0x80]), first, count, [], padding=0x12)
        values = [registers[key] for key in keys]
        if block in self.short:
            values = values[: count // 2]
        made = self._frame(bytes([address, function]), first, len(values), values)
        return made[:-2] + b"\0\0" if block in self.broken else made

    def _frame(
        self, head: bytes, first: int, count: int, values: list[int], padding: int = 0x8A
    ) -> bytes:
        content = head + self.serial + struct.pack(">HH", first, count)
        content += b"".join(struct.pack(">H", value) for value in values)
        content += struct.pack("<H", checksum(content))
        body = _ADAPTER + padding.to_bytes(8, "big") + content
        return _HEAD.pack(0x5959, 1, len(body) + 2, 1, 2) + body


def checksum(content: bytes) -> int:
    """Return the Modbus checksum: CRC-16 with the polynomial 0xA001, from 0xFFFF."""
    crc = 0xFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


@contextlib.contextmanager
def serving(inverter: ModbusInverter, port: int = 0) -> Iterator[ModbusInverter]:
    """Serve an inverter on a port of this machine."""
    open_sockets: list[socket] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            inverter.connections += 1
            open_sockets.append(self.request)
            with contextlib.suppress(OSError):
                while (frame := _received(self.request)) is not None:
                    if inverter.hangs_up:
                        return
                    if (made := inverter.answer(frame)) is not None:
                        self.request.sendall(made)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    server = Server(("127.0.0.1", port), Handler)
    inverter.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield inverter
    finally:
        server.shutdown()
        for each in open_sockets:
            with contextlib.suppress(OSError):
                each.shutdown(SHUT_RDWR)
        server.server_close()
        thread.join()


def _received(connection: socket) -> bytes | None:
    """Return the next frame; None if the connection was closed."""
    head = _exactly(connection, _HEAD.size)
    if head is None:
        return None
    rest = _exactly(connection, _HEAD.unpack(head)[2] - 2)
    return None if rest is None else head + rest


def _exactly(connection: socket, count: int) -> bytes | None:
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            return None
        received += part
    return received
