"""Tell a run's reader that the API does not respond, since when, and when the next try is.

All requests of all processes wait then, so that nothing else would be heard of the run for hours.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.session import Session
from givenergy.server_clock import utc_now

_LOOK_EVERY_S = 2.0
_TELL_EVERY_S = 300.0


class OutageWatch:
    """Watches the request budget's circuit breaker while a run waits for responses."""

    def __init__(
        self, session: Session, report: IngestionReport, tell: Callable[[str], object]
    ) -> None:
        """Prepare to watch.

        Args:
            session: The session of the run.
            report: Where to keep the seconds of outages, and the present one.
            tell: Called with a sentence when an outage begins and ends, and while it lasts.
        """
        self._session = session
        self._report = report
        self._tell = tell
        self._began_s = self._looked_s = self._told_s = time.monotonic()
        self._down_s = 0.0

    def look(self, *, is_idle: bool) -> None:
        """Look whether the API responds, at most every two seconds.

        Args:
            is_idle: Whether no response has arrived for a second.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_EVERY_S or not (is_idle or self._report.outage):
            return
        elapsed_s, self._looked_s = now_s - self._looked_s, now_s
        snapshot = self._session.budget.snapshot()
        down_s = snapshot.host_down_for_s
        if down_s is None:
            if self._report.outage:
                self._report.outage = ""
                self._tell(f"The API responds again, after {self._down_s:.0f} s.")
            return
        is_new = not self._report.outage
        self._down_s = down_s
        # An outage can be older than the run.
        self._report.outage_s += min(down_s, now_s - self._began_s) if is_new else elapsed_s
        since = utc_now() - timedelta(seconds=down_s)
        last = self._session.client.activity.last_failure
        self._report.outage = f"The API has not responded since {since:%Y-%m-%d %H:%M:%S} UTC"
        if is_new or now_s - self._told_s > _TELL_EVERY_S:
            self._told_s = now_s
            self._tell(
                f"{self._report.outage}{f' ({last})' if last else ''}: requests wait until it"
                f" does. The next try is in {snapshot.next_probe_in_s or 0:.0f} s."
            )

    def finish(self) -> None:
        """Tell of the end of an outage that the last response has ended."""
        if self._report.outage:
            self._looked_s -= _LOOK_EVERY_S
            self.look(is_idle=True)
