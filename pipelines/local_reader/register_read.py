"""Read the registers of an inverter: what it answers now, and nothing remembered.

Each read has a connection and a client of its own, which end with it. So no register of an earlier
read can be taken for one of this, neither from the library's cache nor from an answer that comes
late, and the adapter, which serves few connections, is free in between.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from givenergy_modbus.exceptions import CommunicationError, ConnectionLost
from givenergy_modbus.model.inverter import Model, inverter_address_for, resolve_model
from givenergy_modbus.model.register import HR, IR
from givenergy_modbus.model.register_cache import RegisterCache
from givenergy_modbus.pdu import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
)
from givenergy_modbus.pdu.read_registers import ReadRegistersResponse

from pipelines.local_reader.inverter_address import InverterAddress
from pipelines.local_reader.read_only_client import ReadOnlyClient
from pipelines.local_reader.register_layouts import Block, Layout, layout_of

_IDENTITY = Block(0, kind="HR")
_IDENTITY_ADDRESS = 0x11
_DEVICE_TYPE, _ARM_FIRMWARE = HR(0), HR(21)
_SERIAL = tuple(map(HR, range(13, 18)))
_CLOCK = tuple(map(HR, range(35, 41)))
_SERIAL_LENGTH = 10


class ReadFailedError(Exception):
    """An inverter was not read; the message says why, as the end of a sentence."""


class Timing(NamedTuple):
    """How long to wait.

    Attributes:
        connect_s: For a connection.
        answer_s: For the answer to a request.
        retries: How often to repeat a request that is not answered.
        pause_s: Between two requests: adapters drop those that follow one another closely.
        jitter_s: At most so much longer.
    """

    connect_s: float = 3.0
    answer_s: float = 2.0
    retries: int = 1
    pause_s: float = 0.25
    jitter_s: float = 0.1


USUAL = Timing()


@dataclass(frozen=True, slots=True)
class Registers:
    """What an inverter answered.

    Attributes:
        serial: Its serial number.
        model: Its model, as the library resolves it.
        layout: Which registers it has.
        values: The registers, without those of blocks that were not answered.
        blocks: The blocks that were answered.
        at: When the last of the blocks that a row needs was answered, UTC.
        clock: What the inverter's own clock said just before, in its zone; None if it has none.
    """

    serial: str
    model: Model
    layout: Layout
    values: RegisterCache
    blocks: tuple[Block, ...]
    at: datetime
    clock: datetime | None = None

    def as_hex(self) -> dict[str, str]:
        """Return the blocks with four digits per register; serial numbers end in zeros."""
        shown = self.values.redact_serials()
        return {
            str(block): "".join(f"{shown[register]:04x}" for register in _registers(block))
            for block in self.blocks
        }


def read_registers(
    address: InverterAddress, now: Callable[[], datetime], timing: Timing = USUAL
) -> Registers:
    """Read an inverter.

    Args:
        address: Where it is.
        now: Returns the present time, UTC.
        timing: How long to wait.

    Raises:
        ReadFailedError: It was not reached, or did not answer what a row needs.
    """
    return asyncio.run(_Reading(address, now, timing).read())


class _Reading:
    """One read over one connection."""

    def __init__(
        self, address: InverterAddress, now: Callable[[], datetime], timing: Timing
    ) -> None:
        self._now = now
        self._timing = timing
        self._values = RegisterCache()
        self._blocks: list[Block] = []
        self._empty = ""
        self._client = ReadOnlyClient(
            address.host,
            address.port,
            connect_timeout=timing.connect_s,
            tx_message_wait=timing.pause_s,
            tx_jitter=timing.jitter_s,
        )

    async def read(self) -> Registers:
        try:
            await self._connect()
            await self._need(_IDENTITY, _IDENTITY_ADDRESS)
            serial, model = self._identity()
            layout = layout_of(model)
            if layout is None:
                raise ReadFailedError(
                    f"it is a {model.name}, which has no readings of an inverter of its own"
                )
            inverter = inverter_address_for(model)
            for block in layout.blocks:
                await self._need(block, inverter)
            at = self._now()
            for block in layout.extra_blocks:
                await self._take(block, inverter)
        finally:
            await self._client.close()
        clock = _clock_of(self._values)
        return Registers(serial, model, layout, self._values, tuple(self._blocks), at, clock)

    async def _connect(self) -> None:
        try:
            await self._client.connect()
        except TimeoutError:
            raise ReadFailedError("there is no answer to the connection") from None
        except UnicodeError:
            raise ReadFailedError(f"{self._client.host} cannot be the name of a machine") from None
        except CommunicationError as error:
            cause = error.__cause__
            raise ReadFailedError(f"it cannot be reached ({_reason_of(cause)})") from error

    async def _need(self, block: Block, inverter: int) -> None:
        if not await self._take(block, inverter):
            raise ReadFailedError(self._empty or f"there is no valid answer about {block}")

    async def _take(self, block: Block, inverter: int) -> bool:
        """Read a block; return whether it was answered.

        A block of nothing but zeros, or ones, is no answer: an adapter that has lost its inverter
        sends the former, and a bus on which nothing answers reads as the latter.
        """
        kind = ReadHoldingRegistersRequest if block.kind == "HR" else ReadInputRegistersRequest
        request = kind(
            base_register=block.first, register_count=block.count, device_address=inverter
        )
        try:
            response = await self._client.send_request_and_await_response(
                request,
                timeout=self._timing.answer_s,
                retries=self._timing.retries,
                retry_delay=self._timing.pause_s,
            )
        except ConnectionLost:
            raise ReadFailedError("it closed the connection") from None
        except TimeoutError:
            return False
        if not isinstance(response, ReadRegistersResponse) or response.is_suspicious():
            return False
        for empty in (0, 0xFFFF):
            if all(value == empty for value in response.register_values):
                self._empty = f"all registers of {block} are {empty or 'zero'}"
                return False
        self._values.update(zip(_registers(block), response.register_values, strict=True))
        self._blocks.append(block)
        return True

    def _identity(self) -> tuple[str, Model]:
        serial = self._values.to_string(*_SERIAL)
        if len(serial) != _SERIAL_LENGTH:
            raise ReadFailedError("it sends no valid serial number")
        code = self._values[_DEVICE_TYPE]
        try:
            return serial, resolve_model(code, self._values[_ARM_FIRMWARE])
        except ValueError:
            raise ReadFailedError(
                f"the installed givenergy-modbus does not know its type code {code:04x}"
            ) from None


def _clock_of(values: RegisterCache) -> datetime | None:
    """Return what an inverter's clock says, in the time of its zone."""
    year, *rest = (values[register] for register in _CLOCK)
    try:
        return datetime(2000 + year, *rest)
    except (TypeError, ValueError):
        return None


def _reason_of(error: BaseException | None) -> str:
    """Return what the operating system, or the resolver of names, says."""
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        return os.strerror(error.errno)
    return str(getattr(error, "strerror", None) or error)


def _registers(block: Block) -> list[HR | IR]:
    kind = HR if block.kind == "HR" else IR
    return [kind(block.first + offset) for offset in range(block.count)]
