"""Which channels have which reports of a period, kept in the data folder until all have them."""

import msgspec

from pipelines.open_folder import open_lake
from pipelines.reports.report_period import ReportPeriod
from pipelines.settings import Settings

_KEY = "sent_reports"


class _Sent(msgspec.Struct):
    """What is kept: the period, and the channels by site."""

    period: str
    sites: dict[str, list[int]] = {}


class SentReports:
    """The channels, by number, that have the reports of one period, by site."""

    def __init__(self, settings: Settings, period: ReportPeriod) -> None:
        """Read what an earlier try has sent; refuse a folder that cannot remember it.

        Raises:
            SettingsError, WarehouseError: The folder cannot be used, or nothing can be written.
        """
        self._settings = settings
        self._sent = _Sent(f"{period.kind} {period.label}")
        with open_lake(settings, repair=False) as lake:
            stored = lake.state.get(_KEY)
        known = None if stored is None else msgspec.convert(stored, _Sent)
        if known is not None and known.period == self._sent.period:
            self._sent = known
        # Before the first message: what cannot be remembered would be sent again by each try.
        self._write()

    def channels_of(self, site: str) -> set[int]:
        """Return the channels that have the report of a site."""
        return set(self._sent.sites.get(site, ()))

    def note(self, site: str, channels: set[int]) -> None:
        """Remember the channels that have the report of a site."""
        self._sent.sites[site] = sorted(channels)
        self._write()

    def forget(self) -> None:
        """Forget everything: all is sent, and who sends it again wants it again."""
        with open_lake(self._settings, repair=False) as lake:
            lake.state.set(_KEY, None)

    def _write(self) -> None:
        with open_lake(self._settings, repair=False) as lake:
            lake.state.set(_KEY, msgspec.to_builtins(self._sent))
