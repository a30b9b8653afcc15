"""The API's clock, as its responses show it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from givenergy.models import utc_now

__all__ = ["ServerClock"]


class ServerClock:
    """Compares this machine's clock with the `Date` header of the last response."""

    def __init__(self) -> None:
        self._newest: tuple[str, datetime] | None = None

    def note(self, headers: Mapping[str, str]) -> None:
        """Record a response that has just arrived."""
        if date := headers.get("Date"):
            self._newest = (date, utc_now())

    def ahead_s(self) -> float | None:
        """Return the seconds by which this machine is ahead (±1); None if the API gave no time."""
        if self._newest is None:
            return None
        text, received_at = self._newest
        try:
            return (received_at - parsedate_to_datetime(text)).total_seconds()
        except (TypeError, ValueError):
            return None
