"""The rules of tariffs in TOML, as they are written: periods, prices, times, weekdays, credits."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.suggestions import did_you_mean
from pipelines.tariffs.price_series import (
    TariffError,
    checked_price,
    moment_of,
    refuse_impossible_date,
    slot_of,
)

DAY_MINUTES = 24 * 60
_PERIOD_KEYS = ("from", "to", "standing_charge", "import", "export", "credits")
_RULE_KEYS = ("price", "start", "end", "days")
_CREDIT_KEYS = ("start", "end", "price")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"(\d{2}):(\d{2})")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Rule:
    """A price, and when it applies: minutes of the day on a clock, and weekdays."""

    pence: float
    start: int
    end: int
    weekdays: frozenset[int]


@dataclass(frozen=True, slots=True)
class Period:
    """Prices between two local dates; `until` is not in it, None is still."""

    first: date
    until: date | None
    charge: float | None
    imports: tuple[Rule, ...]
    exports: tuple[Rule, ...]
    credits: tuple[tuple[int, int, float], ...]


def in_order(periods: list[Period]) -> list[Period]:
    """Return the periods by date.

    Raises:
        TariffError: They overlap, or leave days between them.
    """
    ordered = sorted(periods, key=lambda period: period.first)
    for earlier, later in itertools.pairwise(ordered):
        if earlier.first == later.first:
            raise TariffError(f"Two periods begin on {later.first}: remove one.")
        if earlier.until is None or earlier.until > later.first:
            end = "has no `to`" if earlier.until is None else f"lasts to {earlier.until}"
            raise TariffError(
                f"The period from {earlier.first} {end}, and another begins on {later.first}:"
                f" end the first with to = {later.first}, or correct the dates."
            )
        if earlier.until < later.first:
            raise TariffError(
                f"No period has the days from {earlier.until} to"
                f" {later.first - timedelta(days=1)}: end the period from {earlier.first} with"
                f" to = {later.first}, or add one."
            )
    return ordered


def read_period(raw: Mapping[str, Any]) -> Period:
    """Return a [[period]].

    Raises:
        TariffError: It is not valid.
    """
    first = _date(raw, "from", "a [[period]]")
    where = f"the period from {first}"
    if first is None:
        raise TariffError("A [[period]] has no `from`: add from = and its first local date.")
    refuse_unknown(raw, _PERIOD_KEYS, where)
    until = _date(raw, "to", where)
    refuse_impossible_date(first, f"`from` of a [[period]] is {first}")
    if until is not None:
        refuse_impossible_date(until, f"`to` of {where} is {until}")
    if until is not None and until <= first:
        raise TariffError(
            f"The period from {first} ends on {until}: `to` is the first day that is not in it."
        )
    charge = raw.get("standing_charge")
    return Period(
        first,
        until,
        None if charge is None else checked_price(charge, f"The standing charge of {where}"),
        tuple(_rules(raw, "import", where)),
        tuple(_rules(raw, "export", where)),
        tuple(_credits(raw, where)),
    )


def _rules(raw: Mapping[str, Any], name: str, where: str) -> Iterator[Rule]:
    for entry in tables_of(raw, name, f"{name} of {where}"):
        refuse_unknown(entry, _RULE_KEYS, f"{name} of {where}")
        if "price" not in entry:
            raise TariffError(f"A rule of {name} of {where} has no price: add price =.")
        start = _minutes(entry.get("start", "00:00"), where)
        end = _minutes(entry.get("end", "24:00"), where)
        if start == end:
            raise TariffError(
                f"A rule of {name} of {where} begins and ends at {entry.get('start')}: leave start"
                " and end out for the whole day."
            )
        pence = checked_price(entry["price"], f"A price of {name} of {where}")
        yield Rule(pence, start, end or DAY_MINUTES, _weekdays(entry.get("days"), where))


def _credits(raw: Mapping[str, Any], where: str) -> Iterator[tuple[int, int, float]]:
    last = None
    entries = tables_of(raw, "credits", f"credits of {where}")
    for entry in sorted(entries, key=lambda entry: _moment(entry, "start", where)):
        refuse_unknown(entry, _CREDIT_KEYS, f"credits of {where}")
        begin, end = (_moment(entry, name, where) for name in ("start", "end"))
        if end <= begin or (last is not None and begin < last):
            raise TariffError(
                f"The credit of {where} that begins at {moment_of(begin):%Y-%m-%d %H:%M} UTC ends"
                " before it begins, or another one does not end before it: correct its times."
            )
        last = end
        yield begin, end, checked_price(entry.get("price"), f"A price of credits of {where}")


def _moment(entry: Mapping[str, Any], name: str, where: str) -> int:
    value = entry.get(name)
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError(value)
        refuse_impossible_date(moment.date(), f"{name} of a credit of {where} is {str(value)!r}")
        return slot_of(moment.astimezone(UTC))
    except ValueError as error:
        raise TariffError(
            f"{name} of a credit of {where} is {str(value)!r}: write a UTC time at a whole half"
            " hour, such as 2025-01-31T13:30:00Z."
        ) from error


def _weekdays(value: object, where: str) -> frozenset[int]:
    if value is None:
        return frozenset(range(7))
    found: set[int] = set()
    for part in str(value).lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in _WEEKDAYS or (dash and last not in _WEEKDAYS):
            raise TariffError(
                f'days of a rule of {where} is {value!r}: write days such as "mon-fri", "sat,sun"'
                ' or "fri-mon".'
            )
        begin = _WEEKDAYS.index(first)
        length = (_WEEKDAYS.index(last) - begin) % 7 if dash else 0
        found |= {(begin + offset) % 7 for offset in range(length + 1)}
    return frozenset(found)


def _minutes(value: object, where: str) -> int:
    text = f"{value:%H:%M}" if isinstance(value, time) and not value.second else str(value)
    found = _TIME.fullmatch(text)
    minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else -1
    if not 0 <= minutes <= DAY_MINUTES or minutes % 30:
        raise TariffError(
            f"A time of a rule of {where} is {str(value)!r}: write a whole half hour, such as"
            ' "00:30".'
        )
    return minutes


def tables_of(raw: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    """Return a list of tables; an empty one if it is missing.

    Raises:
        TariffError: It is something else.
    """
    value = raw.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise TariffError(f"{where} is no list of tables: write it as in docs/tariffs.md.")
    return value


def _date(raw: Mapping[str, Any], name: str, where: str) -> date | None:
    value = raw.get(name)
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        raise TariffError(
            f"{name} of {where} is {str(value)!r}: write a date without quotes, such as"
            f" {name} = 2025-04-01."
        )
    return value


def text_of(raw: Mapping[str, Any], name: str) -> str | None:
    """Return a text; None if it is missing.

    Raises:
        TariffError: It is something else.
    """
    value = raw.get(name)
    if value is not None and not isinstance(value, str):
        raise TariffError(f"{name} is {value!r}: write it in quotes.")
    return value


def zone_of_tariff(value: object) -> ZoneInfo:
    """Return a time zone.

    Raises:
        TariffError: There is none of this name.
    """
    try:
        return ZoneInfo(str(value))
    except (ValueError, OSError, KeyError) as error:
        raise TariffError(
            f'timezone is {value!r}, which is no IANA name: write one such as "Europe/London".'
        ) from error


def currency_of(value: object) -> str:
    """Return a currency's ISO code.

    Raises:
        TariffError: It is none.
    """
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise TariffError(f'currency is {value!r}: write an ISO code such as "GBP".')
    return value


def refuse_unknown(raw: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Refuse keys that tariffs do not have, which may be mistyped.

    Raises:
        TariffError: There is one.
    """
    for name in raw:
        if name not in known:
            hint = did_you_mean(name, known) or f"The keys are {', '.join(known)}."
            raise TariffError(f"{name!r} of {where} is not a key of tariffs. {hint}")
