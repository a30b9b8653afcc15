"""One poll of an inverter: a row, or the reason why there is none."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pipelines.local_reader.inverter_address import InverterAddress
from pipelines.local_reader.poll_journal import Poll
from pipelines.local_reader.register_points import NO_ENERGIES
from pipelines.local_reader.register_read import (
    USUAL,
    ReadFailedError,
    Registers,
    Timing,
    read_registers,
)

# Clocks that differ by more than an hour of summer time, and a bit, tell nothing.
_ALIKE = timedelta(hours=2)
# The registers are read a few seconds after the clock.
_MARGIN = timedelta(seconds=30)
# More than any two zones differ by.
_WRONG_BY = timedelta(hours=26)


def poll_inverter(
    address: InverterAddress, now: Callable[[], datetime], zone: str, timing: Timing = USUAL
) -> Poll:
    """Poll an inverter.

    Args:
        address: Where it is.
        now: Returns the present time, UTC.
        zone: IANA time zone of its days.
        timing: How long to wait.

    Raises:
        ReadFailedError: It was not read.
    """
    try:
        return poll_of(read_registers(address, now, timing), zone)
    except ReadFailedError:
        raise
    # Whatever a network sends, and the library makes of it: the next poll is made all the same.
    except Exception as error:
        raise ReadFailedError(
            f"its answers cannot be decoded ({type(error).__name__}: {error})"
        ) from error


def poll_of(registers: Registers, zone: str) -> Poll:
    """Return the poll of what an inverter has answered.

    The energies of today are null while the inverter's clock is in another day than the row, as
    they are those of that day.

    Args:
        registers: The answer.
        zone: IANA time zone of its days.
    """
    layout = registers.layout
    at = registers.at.astimezone(UTC).replace(microsecond=0)
    point = layout.point(layout.decode(registers.values))
    if is_in_other_day(registers.clock, at, "UTC" if layout.has_utc_days else zone):
        point["today"] = NO_ENERGIES
    return Poll(
        serial=registers.serial,
        at=at,
        has_utc_days=layout.has_utc_days,
        point={"time": f"{at:%Y-%m-%dT%H:%M:%SZ}", **point},
        registers=registers.as_hex(),
        is_clock_wrong=is_clock_wrong(registers.clock, at),
    )


def is_in_other_day(clock: datetime | None, at: datetime, zone: str) -> bool:
    """Return whether an inverter's clock is, or may be, in another day than a moment.

    Args:
        clock: What the inverter's clock says; None if it has none.
        at: The moment, UTC.
        zone: IANA time zone of the day.
    """
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if clock is None or abs(clock - local) > _ALIKE:
        return False
    return any((clock + margin).date() != local.date() for margin in (-_MARGIN, _MARGIN))


def is_clock_wrong(clock: datetime | None, at: datetime) -> bool:
    """Return whether an inverter's clock and this machine's cannot both be right."""
    return clock is not None and abs(clock - at.astimezone(UTC).replace(tzinfo=None)) > _WRONG_BY
