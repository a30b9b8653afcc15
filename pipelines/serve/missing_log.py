"""What was asked for and is not in the archive: logged once each, and counted."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from givenergy.server_clock import utc_now
from pipelines.serve.row_history import DaySpan

# Who asks for more than these is logged no longer, but counted.
_MOST_LINES = 10_000
# Of a longer range only its missing end is of interest.
_MOST_DAYS = 366
_LOG = logging.getLogger(__name__)


class MissingLog:
    """Logs and counts, for one thread at a time."""

    def __init__(self) -> None:
        """Begin without any."""
        self._logged: set[tuple[str, str, str]] = set()
        self.count = 0

    def note_days(
        self, dataset: str, device_id: str, asked: DaySpan, covered: Collection[date], zone: str
    ) -> None:
        """Note the days up to today that no fetch covers.

        Args:
            dataset: The dataset.
            device_id: The device.
            asked: The days asked for.
            covered: Those that the archive has, be they empty.
            zone: The time zone of the days.
        """
        day = min(asked.last, utc_now().astimezone(ZoneInfo(zone)).date())
        first = max(asked.first, day - timedelta(days=_MOST_DAYS))
        while day >= first:
            if day not in covered:
                self.note(dataset, device_id, str(day))
            day -= timedelta(days=1)

    def note(self, dataset: str, device_id: str, what: str) -> None:
        """Note something else that is not there.

        Args:
            dataset: The dataset.
            device_id: The device; "" for the account.
            what: The day, or the path.
        """
        self.count += 1
        key = (dataset, device_id, what)
        if key not in self._logged and len(self._logged) < _MOST_LINES:
            self._logged.add(key)
            _LOG.warning("not in the archive: %s", " ".join(filter(None, key)))
