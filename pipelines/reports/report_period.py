"""Which days a report is about: a week, a month or a year, as the owner writes them."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

MONTH, YEAR, WEEK = "month", "year", "week"
# Those of the dashboard's addresses.
FIRST_YEAR, LAST_YEAR = 1990, 2199
_FORMS = {
    MONTH: (re.compile(r"(\d{4})-(\d{2})", re.ASCII), "a month such as 2025-06"),
    YEAR: (re.compile(r"(\d{4})", re.ASCII), "a year such as 2025"),
    WEEK: (
        re.compile(r"(\d{4})-?W(\d{2})", re.ASCII | re.IGNORECASE),
        "a week such as 2025-W23, which begins on Monday",
    ),
}


class _OtherYearError(ValueError):
    """The year of a period is none that there can be data of."""


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """A period.

    Attributes:
        kind: `week`, `month` or `year`.
        first: Its first day.
        last: Its last day.
    """

    kind: str
    first: date
    last: date

    @property
    def label(self) -> str:
        """The period as the owner writes it, and as names of files have it."""
        if self.kind == WEEK:
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.first:%Y-%m}" if self.kind == MONTH else f"{self.first:%Y}"

    @property
    def title(self) -> str:
        """The period for people."""
        if self.kind == WEEK:
            year, week, _ = self.first.isocalendar()
            return f"Week {week} of {year}"
        return f"{self.first:%B %Y}" if self.kind == MONTH else f"{self.first:%Y}"


def read_period(kind: str, text: str) -> ReportPeriod:
    """Return the period that a text names.

    Raises:
        ValueError: It names none; the message says how to write one.
    """
    form, advice = _FORMS[kind]
    written = form.fullmatch(text.strip())
    try:
        if written is None:
            raise ValueError
        year, *part = map(int, written.groups())
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise _OtherYearError
        if kind == WEEK:
            return period_of(kind, date.fromisocalendar(year, part[0], 1))
        return period_of(kind, date(year, part[0] if part else 1, 1))
    except _OtherYearError:
        raise ValueError(
            f"{text!r} cannot be reported: choose a {kind} from {FIRST_YEAR} to {LAST_YEAR}."
        ) from None
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a {kind}: write {advice}.") from None


def period_of(kind: str, day: date) -> ReportPeriod:
    """Return the week, month or year that a day is in."""
    if kind == WEEK:
        first = day - timedelta(days=day.weekday())
        return ReportPeriod(kind, first, first + timedelta(days=6))
    if kind == YEAR:
        return ReportPeriod(kind, date(day.year, 1, 1), date(day.year, 12, 31))
    first = day.replace(day=1)
    return ReportPeriod(kind, first, _next_month(first) - timedelta(days=1))


def days_title(kind: str, first: date, last: date) -> str:
    """Return some days for people: by the name of the period if they are all of it.

    Args:
        kind: The kind of the period.
        first: The first day.
        last: The last day.
    """
    period = period_of(kind, first)
    if (period.first, period.last) == (first, last):
        return period.title
    end = f"{last.day} {last:%B %Y}"
    if first == last:
        return end
    if first.year != last.year:
        return f"{first.day} {first:%B %Y} \N{EN DASH} {end}"
    if first.month != last.month:
        return f"{first.day} {first:%B} \N{EN DASH} {end}"
    return f"{first.day}\N{EN DASH}{end}"


def last_whole(kind: str, today: date) -> ReportPeriod:
    """Return the last period that is over."""
    return period_of(kind, period_of(kind, today).first - timedelta(days=1))


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
