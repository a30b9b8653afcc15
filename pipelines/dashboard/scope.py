"""What a page shows: a device, a period and a date, and the ranges of days that follow from them.

All ranges are local days of the device's time zone, both ends included. Weeks begin on Monday.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
# As many weeks as fit into a year, so that the same weekdays are compared.
_YEAR_OF_WEEKS = 52 * _WEEK
_HALF_HOUR_S = 1800
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_Choice = TypeVar("_Choice", bound=StrEnum)


class ScopeError(ValueError):
    """A part of a page's address that is not valid, with what is."""


class Period(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    ALL = "all"


class Compare(StrEnum):
    """What the shown period is compared with."""

    NONE = "none"
    BEFORE = "before"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class DashboardDevice:
    """A site or an inverter, as pages show it.

    Attributes:
        kind: site or inverter.
        device: The site, or the serial number of the inverter.
        zone: Time zone of its days.
        first_date: First day with data; None without any.
        last_date: Last day with data.
        cost_site: The site whose cost is the device's; None if it has none of its own.
    """

    kind: str
    device: str
    zone: str
    first_date: date | None = None
    last_date: date | None = None
    cost_site: str | None = None

    @property
    def of(self) -> str:
        """The device in an address."""
        return f"{self.kind}:{self.device}"


@dataclass(frozen=True, slots=True)
class Scope:
    """A device, a period and what it is compared with.

    Attributes:
        device: The device; None if the account has none.
        period: How long the period is.
        day: A day of it.
        today: The present day in the zone of the device.
        compare: What the period is compared with.
    """

    device: DashboardDevice | None
    period: Period
    day: date
    today: date
    compare: Compare = Compare.NONE

    @property
    def zone(self) -> str:
        """The time zone of the days."""
        return "UTC" if self.device is None else self.device.zone

    @property
    def start(self) -> date:
        """The first day."""
        if self.period is Period.ALL:
            return min(self.today, self._expected_from)
        return _start_of(self.period, self.day)

    @property
    def full_end(self) -> date:
        """The last day of the period, also if it is in the future."""
        return self.today if self.period is Period.ALL else _end_of(self.period, self.start)

    @property
    def end(self) -> date:
        """The last day, today at most."""
        return min(self.full_end, self.today)

    @property
    def before(self) -> tuple[date, date] | None:
        """The period before, as long as the shown one is so far; None for all."""
        if self.period is Period.ALL:
            return None
        if self.period is Period.YEAR:
            return self.year_earlier
        return self._cut(_start_of(self.period, self.start - _DAY))

    @property
    def year_earlier(self) -> tuple[date, date] | None:
        """The same period a year earlier, as long as the shown one is so far; None for all.

        A week is compared with the one 52 weeks earlier, 29 February with the 28th.
        """
        if self.period is Period.ALL:
            return None
        if self.period is Period.WEEK:
            return self._cut(self.start - _YEAR_OF_WEEKS)
        start = year_before(self.start)
        if self.end < self.full_end:
            return start, year_before(self.end)
        return start, _end_of(self.period, start)

    @property
    def previous_date(self) -> date | None:
        """The first day of the period before; None if the device has no data that early."""
        before = self.before
        if before is None or self.device is None or self.device.first_date is None:
            return None
        start = before[0]
        return start if _end_of(self.period, start) >= self.device.first_date else None

    @property
    def next_date(self) -> date | None:
        """The first day of the period after; None if the device has no data that late."""
        if self.period is Period.ALL or self.device is None or self.device.last_date is None:
            return None
        if self.full_end >= min(self.device.last_date, self.today):
            return None
        return self.full_end + _DAY

    @property
    def bucket(self) -> str:
        """What one bar stands for: half_hour, day, month or year."""
        return {
            Period.DAY: "half_hour",
            Period.WEEK: "day",
            Period.MONTH: "day",
            Period.YEAR: "month",
            Period.ALL: "year",
        }[self.period]

    @property
    def file_part(self) -> str:
        """The shown period in the name of a file."""
        start = self.start.isoformat()
        return {
            Period.DAY: start,
            Period.WEEK: f"week-{start}",
            Period.MONTH: start[:7],
            Period.YEAR: start[:4],
            Period.ALL: "all",
        }[self.period]

    def as_json(self) -> dict[str, object]:
        """Return the scope as pages get it."""
        before, year = self.before or (None, None), self.year_earlier or (None, None)
        return {
            "of": None if self.device is None else self.device.of,
            "kind": None if self.device is None else self.device.kind,
            "device": None if self.device is None else self.device.device,
            "period": str(self.period),
            "date": self.day,
            "compare": str(self.compare),
            "start": self.start,
            "end": self.end,
            "full_end": self.full_end,
            "bucket": self.bucket,
            "before_start": before[0],
            "before_end": before[1],
            "year_start": year[0],
            "year_end": year[1],
            "previous_date": self.previous_date,
            "next_date": self.next_date,
            "first_date": None if self.device is None else self.device.first_date,
            "last_date": None if self.device is None else self.device.last_date,
            "zone": self.zone,
            "today": self.today,
        }

    def parameters(self) -> dict[str, object]:
        """Return the values that charts are queried with, by the names of their parameters."""
        before, year = self.before or (None, None), self.year_earlier or (None, None)
        is_day = self.period is Period.DAY
        month_start = _start_of(Period.MONTH, self.day)
        calendar = (month_start, min(self.today, _end_of(Period.MONTH, month_start)))
        known_start = max(self.start, self._expected_from)
        return {
            "device": None if self.device is None else self.device.device,
            "kind": None if self.device is None else self.device.kind,
            "site": None if self.device is None else self.device.cost_site,
            "period": str(self.period),
            "zone": self.zone,
            "start": self.start,
            "end": self.end,
            "start_at": first_instant(self.start, self.zone),
            "end_at": first_instant(self.end + _DAY, self.zone),
            "before_start": before[0],
            "before_end": before[1],
            "year_start": year[0],
            "year_end": year[1],
            "first_date": self._expected_from,
            "today": self.today,
            "bucket": "day" if is_day else self.bucket,
            "calendar_start": calendar[0] if is_day else self.start,
            "calendar_end": calendar[1] if is_day else self.end,
            "days_expected": max(0, (self.end - known_start).days + 1),
            "half_hours_expected": half_hours_of(known_start, self.end, self.zone),
        }

    @property
    def _expected_from(self) -> date:
        """The day since which days are expected: none are where there have never been data."""
        first = None if self.device is None else self.device.first_date
        return self.today + _DAY if first is None else first

    def _cut(self, start: date) -> tuple[date, date]:
        """Return the period that begins on a day, as long as the shown one is so far."""
        end = _end_of(self.period, start)
        if self.end < self.full_end:
            end = min(end, start + (self.end - self.start))
        return start, end


def scope_of(arguments: Mapping[str, str], device: DashboardDevice | None, now: datetime) -> Scope:
    """Return the scope of an address.

    Args:
        arguments: The arguments of the address; missing ones get defaults, and a date in the future
            is today.
        device: The device that it names, or the first one; None if there is none.
        now: The present time.

    Raises:
        ScopeError: An argument is not valid.
    """
    zone = "UTC" if device is None else device.zone
    today = now.astimezone(ZoneInfo(zone)).date()
    last = None if device is None else device.last_date
    period = _choice(Period, "period", arguments.get("period"), Period.DAY)
    compare = _choice(Compare, "compare", arguments.get("compare"), Compare.NONE)
    text = arguments.get("date")
    day = min(today, _date(text) if text else last or today)
    return Scope(device, period, day, today, compare)


def year_before(day: date) -> date:
    """Return the same day a year earlier; 28 February for the 29th."""
    is_leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if is_leap_day else day.day)


def first_instant(day: date, zone: str) -> datetime:
    """Return the first instant of a local day, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def half_hours_of(start: date, end: date, zone: str) -> int:
    """Return the number of half hours of local days, both included; 0 if they end earlier."""
    length = first_instant(end + _DAY, zone) - first_instant(start, zone)
    return max(0, round(length.total_seconds() / _HALF_HOUR_S))


def _start_of(period: Period, day: date) -> date:
    if period is Period.WEEK:
        return day - day.weekday() * _DAY
    if period is Period.MONTH:
        return day.replace(day=1)
    return day.replace(month=1, day=1) if period is Period.YEAR else day


def _end_of(period: Period, start: date) -> date:
    if period is Period.WEEK:
        return start + _WEEK - _DAY
    if period is Period.MONTH:
        return (start.replace(day=1) + 31 * _DAY).replace(day=1) - _DAY
    return start.replace(month=12, day=31) if period is Period.YEAR else start


def _choice(kind: type[_Choice], name: str, text: str | None, default: _Choice) -> _Choice:
    if not text:
        return default
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(kind)
        raise ScopeError(f"{name}={text!r} is unknown: use one of {known}.") from None


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    # All ranges that follow must be dates too, and clocks must have a known zone.
    if day is None or not date(1990, 1, 1) <= day <= date(2200, 1, 1):
        raise ScopeError(f"date={text!r} is no date: use the form 2025-06-01, from 1990 to 2199.")
    return day
