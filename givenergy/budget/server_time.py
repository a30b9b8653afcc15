"""The clock of a server as this machine's clock shows it, and whether it was set meanwhile."""

from __future__ import annotations

__all__ = ["ServerTime"]

# Clocks of two machines part by less than this share of the time that passes.
_DRIFT = 0.001
_STEP_MS = 250


class ServerTime:
    """How far a server's clock is ahead of this machine's: between two bounds, in milliseconds."""

    def __init__(self) -> None:
        self._low = self._high = self._noted_ms = 0
        self._is_known = False

    def note(self, sent_ms: int, arrived_ms: int, server_ms: int) -> bool:
        """Note the server's time, read between two moments; return whether it was set since.

        Args:
            sent_ms: This machine's time before the server was asked.
            arrived_ms: This machine's time after it has answered.
            server_ms: The server's time.
        """
        low, high = server_ms - arrived_ms - 1, server_ms - sent_ms + 1
        drift = round((arrived_ms - self._noted_ms) * _DRIFT) + 1
        earlier_low, earlier_high = self._low - drift, self._high + drift
        is_set = self._is_known and not (
            low <= earlier_high + _STEP_MS and high >= earlier_low - _STEP_MS
        )
        if self._is_known and low <= earlier_high and high >= earlier_low:
            low, high = max(low, earlier_low), min(high, earlier_high)
        self._low, self._high, self._noted_ms, self._is_known = low, high, arrived_ms, True
        return is_set

    def latest_ms(self, now_ms: int) -> int:
        """Return the latest time that it may be there when it is `now_ms` here."""
        return now_ms + self._high
