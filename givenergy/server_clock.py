"""The present time: this machine's clock, corrected by the API's where the two differ much.

Which days are over, and which answers are final, must not depend on a machine whose clock is off.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = [
    "ServerClock",
    "clock_correction_s",
    "correct_clock",
    "corrected",
    "parsed_date",
    "utc_now",
]

_LOG = logging.getLogger(__name__)
# A response can take a minute to arrive after its time was written.
_TOLERANCE_S = 180.0
# A correction is kept down to this, so that a clock that is off by about that does not alternate.
_KEEP_FROM_S = 120.0


class _Correction:
    """By how many seconds this machine is taken to be ahead, in this process."""

    ahead_s = 0.0
    reported_s = 0.0


def utc_now() -> datetime:
    """Return the present in UTC: the API's time where this machine's clock is minutes off."""
    return corrected(datetime.now(UTC))


def corrected(moment: datetime) -> datetime:
    """Return the API's time at a moment by this machine's clock."""
    return moment - timedelta(seconds=_Correction.ahead_s)


def clock_correction_s() -> float:
    """Return the seconds by which this machine is taken to be ahead; 0 if the clocks agree."""
    return _Correction.ahead_s


def correct_clock(ahead_s: float, *, asked_at: datetime | None = None) -> None:
    """Correct the present time by what the API's responses show; report it once.

    Args:
        ahead_s: Seconds by which this machine is ahead of the API; three minutes are
            ignored, or two after a correction.
        asked_at: When the API showed it, by its own clock; None for just now.
    """
    needed_s = _KEEP_FROM_S if _Correction.ahead_s else _TOLERANCE_S
    _Correction.ahead_s = ahead_s if abs(ahead_s) > needed_s else 0.0
    if abs(_Correction.ahead_s - _Correction.reported_s) > _TOLERANCE_S:
        _Correction.reported_s = _Correction.ahead_s
        if _Correction.ahead_s:
            side = "ahead of" if ahead_s > 0 else "behind"
            when = "" if asked_at is None else f" when it was last asked, {asked_at:%F %R} UTC"
            _LOG.warning(
                "This machine's clock %s %s %s the API's%s: the API's time is used instead."
                " Synchronize the clock by NTP.",
                "is" if asked_at is None else "was",
                _written(abs(ahead_s)),
                side,
                when,
            )


def _written(seconds: float) -> str:
    for unit, unit_s in (("days", 86_400), ("hours", 3600)):
        if seconds >= 1.9 * unit_s:
            return f"{seconds / unit_s:.1f} {unit}"
    return f"{seconds / 60:.0f} minutes"


class ServerClock:
    """Compares this machine's clock with the `Date` header of the last response."""

    def __init__(self) -> None:
        self._ahead_s: float | None = None

    def note(self, headers: Mapping[str, str]) -> None:
        """Compare the clocks by a response of the API that has just arrived."""
        if (sent_at := parsed_date(headers.get("Date", ""))) is not None:
            self._ahead_s = (datetime.now(UTC) - sent_at).total_seconds()
            was_reported = _Correction.reported_s != 0
            correct_clock(self._ahead_s)
            if was_reported and not _Correction.reported_s:
                _LOG.warning("This machine's clock agrees with the API's again.")

    def ahead_s(self) -> float | None:
        """Return the seconds by which this machine is ahead (±1); None if the API gave no time."""
        return self._ahead_s


def parsed_date(text: str) -> datetime | None:
    """Return the time in an HTTP header (RFC 9110, UTC if it has no zone); None if it is none."""
    try:
        moment = parsedate_to_datetime(text)
        # Arithmetic with zones fails at the ends of the calendar.
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
