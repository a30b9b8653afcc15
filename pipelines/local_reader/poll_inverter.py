"""One poll of an inverter: a row, or the reason why there is none."""

from datetime import UTC, datetime

from pipelines.local_reader.inverter_address import InverterAddress
from pipelines.local_reader.poll_journal import Poll
from pipelines.local_reader.register_read import (
    USUAL,
    ReadFailedError,
    Registers,
    Timing,
    read_registers,
)


def poll_inverter(address: InverterAddress, at: datetime, timing: Timing = USUAL) -> Poll:
    """Poll an inverter.

    Args:
        address: Where it is.
        at: The time of the row.
        timing: How long to wait.

    Raises:
        ReadFailedError: It was not read.
    """
    try:
        return poll_of(read_registers(address, timing), at)
    except ReadFailedError:
        raise
    # Whatever a network sends, and the library makes of it: the next poll is made all the same.
    except Exception as error:
        raise ReadFailedError(
            f"its answers cannot be decoded ({type(error).__name__}: {error})"
        ) from error


def poll_of(registers: Registers, at: datetime) -> Poll:
    """Return the poll of what an inverter has answered.

    Args:
        registers: The answer.
        at: The time of the row.
    """
    layout = registers.layout
    at = at.astimezone(UTC).replace(microsecond=0)
    point = layout.point(layout.decode(registers.values))
    return Poll(
        serial=registers.serial,
        at=at,
        has_utc_days=layout.has_utc_days,
        point={"time": f"{at:%Y-%m-%dT%H:%M:%SZ}", **point},
        registers=registers.as_hex(),
    )
