"""The API's clock, as its responses show it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from givenergy.models import utc_now

__all__ = ["ServerClock", "parsed_date"]


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
        moment = parsed_date(text)
        return None if moment is None else (received_at - moment).total_seconds()


def parsed_date(text: str) -> datetime | None:
    """Return the time in an HTTP header (RFC 9110, UTC if it has no zone); None if it is none."""
    try:
        moment = parsedate_to_datetime(text)
        # Arithmetic with zones fails at the ends of the calendar.
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
