"""Days as people write them in options: dates, months, years, and words for days before today."""

import calendar
import re
from datetime import date, timedelta

import click

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_AGO = re.compile(r"-(\d{1,5})([dw])")
_WORDS = {"today": 0, "yesterday": 1}
_DAYS_IN = {"d": 1, "w": 7}
_FORMS = "a day such as 2025-06-01, a month (2025-06), a year (2025), today, yesterday, -30d or -4w"


class DayType(click.ParamType[date]):
    """A day; a month or a year stands for its first day or its last one."""

    name = "day"

    def __init__(self, *, is_last: bool) -> None:
        """Create the type of a first day, or of a last one."""
        self._is_last = is_last

    def convert(
        self, value: str | date, param: click.Parameter | None, context: click.Context | None
    ) -> date:
        """Return a day, or fail with a message that names the value."""
        if isinstance(value, date):
            return value
        try:
            day = self._day(value)
        except (ValueError, OverflowError):
            day = None
        if day is None:
            self.fail(f"{value!r} is not a day: write {_FORMS}.")
        return day

    def _day(self, text: str) -> date | None:
        """Return the day that a text names; None if it has no such form.

        Raises:
            OverflowError: The day is too long ago.
            ValueError: There is no such day.
        """
        if (days_ago := _WORDS.get(text.lower())) is not None:
            return today() - timedelta(days=days_ago)
        if ago := _AGO.fullmatch(text):
            return today() - timedelta(days=int(ago[1]) * _DAYS_IN[ago[2]])
        if not text.isascii() or (written := _DATE.fullmatch(text)) is None:
            return None
        year, month, day = (None if part is None else int(part) for part in written.groups())
        assert year is not None
        if month is None:
            month = 12 if self._is_last else 1
        if day is None:
            day = calendar.monthrange(year, month)[1] if self._is_last else 1
        return date(year, month, day)


FIRST_DAY = DayType(is_last=False)
LAST_DAY = DayType(is_last=True)


def today() -> date:
    """Return the current day in the time zone of the days, by the API's clock.

    Raises:
        SettingsError: A setting is not valid.
    """
    # Imported here, because most days are written as dates.
    from assets.framework.contract.devices import local_day
    from givenergy.server_clock import utc_now
    from pipelines.account_zone import zone_of
    from pipelines.cli.context import current_settings
    from pipelines.clock_state import restore_stored_clock
    from pipelines.open_folder import stored_state

    settings = current_settings()
    stored = stored_state(settings)
    restore_stored_clock(stored)
    return local_day(utc_now(), zone_of(settings, stored))
