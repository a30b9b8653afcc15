"""Remember by how much this machine's clock is off, for commands that make no request."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from givenergy.server_clock import clock_correction_s, correct_clock
from warehouse.lake import Lake

_KEY = "clock"


class _Clock(msgspec.Struct):
    ahead_s: float
    at: datetime  # by this machine's clock


def store_clock(lake: Lake) -> None:
    """Store the correction that the responses of a session have shown."""
    ahead_s = clock_correction_s()
    if ahead_s or lake.state.get(_KEY) is not None:
        clock = _Clock(ahead_s, datetime.now(UTC)) if ahead_s else None
        lake.state.set(_KEY, msgspec.to_builtins(clock))


def restore_clock(lake: Lake) -> None:
    """Correct the present time as the last session did, unless the clock was put right since.

    A folder that has never stored a correction, such as a scratch folder, shows nothing.
    """
    restore_stored_clock(lake.state.all())


def restore_stored_clock(stored: Mapping[str, Any]) -> None:
    """Correct the present time as `restore_clock` does, from the state of a data folder."""
    if _KEY not in stored:
        return
    clock = msgspec.convert(stored[_KEY], _Clock | None)
    if clock is None or datetime.now(UTC) < clock.at:
        correct_clock(0.0)
    else:
        # A clock that was behind may have been put right since: only the next response shows it.
        correct_clock(clock.ahead_s, asked_at=clock.at - timedelta(seconds=clock.ahead_s))
