"""Tariffs as rules in TOML: periods, and for each the prices by time of day and weekday."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from assets.catalogue_views import DEFAULT_CURRENCY
from pipelines.tariffs.price_series import (
    HALF_HOUR_S,
    PriceSeries,
    TariffError,
    TariffPrices,
    day_number,
    local_midnight,
    moment_of,
)
from pipelines.tariffs.toml_rules import (
    DAY_MINUTES,
    Period,
    Rule,
    currency_of,
    in_order,
    read_period,
    refuse_unknown,
    tables_of,
    text_of,
    zone_of_tariff,
)

if TYPE_CHECKING:
    import pandas as pd

_KEYS = ("name", "currency", "timezone", "clock", "period")


def read_toml(text: str, until: datetime) -> TariffPrices:
    """Return the prices of a tariff in TOML.

    Args:
        text: The file.
        until: Up to when prices without an end are expanded.

    Raises:
        TariffError: The file is no such tariff, or leaves half hours without a price.
    """
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise TariffError(f"The file is not valid TOML ({error}): correct it.") from error
    refuse_unknown(raw, _KEYS, "the tariff")
    zone = zone_of_tariff(raw.get("timezone", "Europe/London"))
    clock = raw.get("clock", "local")
    if clock not in ("local", "utc"):
        raise TariffError(f'clock is {clock!r}: write clock = "local" or clock = "utc".')
    periods = in_order([read_period(entry) for entry in tables_of(raw, "period", "[[period]]")])
    if not periods:
        raise TariffError("The tariff has no [[period]]: add one with from = and its prices.")
    last = periods[-1].until
    calendar = _Calendar(periods[0].first, min(last or until.date(), until.date()), zone, clock)
    imports, exports = (calendar.prices(periods, each) for each in ("import", "export"))
    charges = _charges(periods, until.date())
    for what, series in (("The import price", imports), ("The export price", exports)):
        if series is not None:
            series.refuse_holes(what)
    if charges is not None:
        charges.refuse_holes("The standing charge", days=True)
    return TariffPrices(
        format="toml",
        currency=currency_of(raw.get("currency", DEFAULT_CURRENCY)),
        timezone=zone.key,
        clock=clock,
        first_start_at=local_midnight(periods[0].first, zone),
        end_at=None if last is None else local_midnight(last, zone),
        imports=imports,
        exports=exports,
        charges=charges,
        name=text_of(raw, "name"),
    )


class _Calendar:
    """Every half hour of some local dates, with its date, and time and weekday of a clock."""

    def __init__(self, first: date, until: date, zone: ZoneInfo, clock: str) -> None:
        day_slots = DAY_MINUTES * 60 // HALF_HOUR_S
        # A day more at both ends, since the first instant of a local day is not that in UTC.
        self.until = until
        self.first = (day_number(first) - 1) * day_slots
        count = max((until - first).days + 2, 0) * day_slots
        import pandas as pd  # takes longer than most commands that read

        moments = pd.date_range(moment_of(self.first), periods=count, freq="30min")
        local = moments.tz_convert(zone).tz_localize(None)
        self.dates = _days(local)
        shown = local if clock == "local" else moments.tz_localize(None)
        self.minutes = np.asarray(shown.hour * 60 + shown.minute)
        self.weekdays = np.asarray(shown.day_of_week)
        if (self.minutes % 30).any():
            raise TariffError(
                f"The clock of {zone.key} is not whole half hours from UTC, and prices are by half"
                ' hour of UTC: use clock = "utc".'
            )

    def prices(self, periods: list[Period], direction: str) -> PriceSeries | None:
        """Return the prices of a direction; None if there are none."""
        pence = np.full(self.minutes.size, np.nan)
        for period in periods:
            within = self.dates >= day_number(period.first)
            if period.until is not None:
                within &= self.dates < day_number(period.until)
            for rule in period.imports if direction == "import" else period.exports:
                pence[within & self._applies(rule)] = rule.pence
            for credit in period.credits if direction == "import" else ():
                self._credit(pence, within, credit)
        pence[self.dates >= day_number(self.until)] = np.nan
        return PriceSeries(self.first, pence).trimmed()

    def _applies(self, rule: Rule) -> np.ndarray:
        """Return for each half hour whether a rule applies; a night is of the day it begins on."""
        today = np.isin(self.weekdays, list(rule.weekdays))
        if rule.start < rule.end:
            found = today & (self.minutes >= rule.start) & (self.minutes < rule.end)
        else:
            yesterday = np.isin((self.weekdays - 1) % 7, list(rule.weekdays))
            found = (today & (self.minutes >= rule.start)) | (yesterday & (self.minutes < rule.end))
        return np.asarray(found)

    def _credit(
        self, pence: np.ndarray, within: np.ndarray, credit: tuple[int, int, float]
    ) -> None:
        begin, end, price = credit
        if begin - self.first >= pence.size:
            return  # beyond what is expanded yet
        chosen = slice(max(begin - self.first, 0), max(end - self.first, 0))
        if begin < self.first or not within[chosen].all():
            raise TariffError(
                f"The credit from {moment_of(begin):%Y-%m-%d %H:%M} UTC is not within the dates of"
                " its period: move it to the period that it belongs to."
            )
        pence[chosen] = price


def _days(local: pd.DatetimeIndex) -> np.ndarray:
    return np.asarray(local.normalize().to_numpy().astype("datetime64[D]").astype(np.int64))


def _charges(periods: list[Period], until: date) -> PriceSeries | None:
    first = day_number(periods[0].first)
    pence = np.full(max(day_number(min(periods[-1].until or until, until)) - first, 0), np.nan)
    for period in periods:
        if period.charge is not None:
            begin = day_number(period.first) - first
            end = None if period.until is None else day_number(period.until) - first
            pence[begin:end] = period.charge
    return PriceSeries(first, pence).trimmed()
