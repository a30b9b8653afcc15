"""The library's client, without its writing half: any request but a read of registers is refused.

Every request of the library passes `send_request_and_await_response`, whichever command made it.
"""

from typing import Any

from givenergy_modbus.client.client import Client
from givenergy_modbus.pdu import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    TransparentRequest,
    TransparentResponse,
)

_READS = (ReadHoldingRegistersRequest, ReadInputRegistersRequest)


class WriteRefusedError(Exception):
    """A request that is no read of registers; nothing was sent."""


class ReadOnlyClient(Client):  # type: ignore[misc, unused-ignore]
    """A client that sends reads of registers, and nothing else."""

    async def send_request_and_await_response(
        self, request: TransparentRequest, *arguments: Any, **options: Any
    ) -> TransparentResponse:
        """Send a read and return its answer.

        Raises:
            WriteRefusedError: The request is not exactly one of the two kinds of reads.
            TimeoutError: There was no answer, or the connection was lost.
        """
        if type(request) not in _READS:
            raise WriteRefusedError(f"{type(request).__name__} is no read: nothing was sent")
        return await super().send_request_and_await_response(request, *arguments, **options)
