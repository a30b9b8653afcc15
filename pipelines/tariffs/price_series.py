"""Prices on a grid of half hours or days, and what is checked of every price."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.settings_file import SettingsError

HALF_HOUR_S = 1800
HALF_HOUR_US = HALF_HOUR_S * 1_000_000
# Prices of energy and of a day are far below; in another currency's minor unit too.
_MAX_PENCE = 1000.0
_EPOCH = date(1970, 1, 1)
EARLIEST = date(2000, 1, 1)
_LATEST = date(2100, 1, 1)


class TariffError(SettingsError):
    """A tariff, or the file of one, cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Prices of consecutive half hours, or of consecutive days.

    Attributes:
        first: The first half hour or day, counted from 1970 in UTC, or as a date.
        pence: The price of each; NaN where there is none.
    """

    first: int
    pence: np.ndarray

    @classmethod
    def of_places(cls, places: np.ndarray, values: pa.ChunkedArray) -> PriceSeries | None:
        """Return the series of stored prices; None if there are none.

        Args:
            places: Numbers of their half hours or days.
            values: Their prices; null where there is none.
        """
        if places.size == 0:
            return None
        first = int(places.min())
        pence = np.full(int(places.max()) - first + 1, np.nan)
        pence[places - first] = np.asarray(pc.fill_null(values, float("nan")))
        return cls(first, pence)

    def trimmed(self) -> PriceSeries | None:
        """Return the series from its first to its last price; None if it has none."""
        known = np.flatnonzero(~np.isnan(self.pence))
        if known.size == 0:
            return None
        return PriceSeries(self.first + int(known[0]), self.pence[known[0] : known[-1] + 1])

    def first_hole(self) -> tuple[int, int] | None:
        """Return the first and last place without a price between others, if there are any."""
        missing = np.isnan(self.pence)
        if not missing.any():
            return None
        begin = int(np.argmax(missing))
        length = int(np.argmin(missing[begin:])) or self.pence.size - begin
        return self.first + begin, self.first + begin + length - 1

    def refuse_holes(self, what: str, *, days: bool = False) -> None:
        """Refuse a series with places without a price.

        Args:
            what: What it has, for the message.
            days: Whether it is by day.

        Raises:
            TariffError: There is a hole.
        """
        hole = self.first_hole()
        if hole is None:
            return
        begin, last = hole
        count = int(np.isnan(self.pence).sum())
        if days:
            span = f"{day_of(begin)} to {day_of(last)}"
            number = counted(count, "day")
        else:
            span = f"{moment_text(begin)} to {moment_text(last + 1)}"
            number = counted(count, "half hour")
        raise TariffError(
            f"{what} has no price for {number} between its first and its last price; the first"
            f" hole is from {span}: add the missing prices, and load the file again."
        )


@dataclass(frozen=True, slots=True)
class TariffPrices:
    """What a file says of a tariff.

    Attributes:
        format: `toml`, `octopus` or `csv`.
        currency: ISO code.
        timezone: IANA name of the zone of its dates.
        clock: Clock of its times: `local` or `utc`.
        first_start_at: Start of its first price.
        end_at: End of its last price; None if it has no end.
        imports: Prices of imported energy by half hour.
        exports: Prices of exported energy by half hour.
        charges: Standing charges by date.
        name: Its name, if the file has it.
        warnings: What the owner should look at, one sentence each.
    """

    format: str
    currency: str
    timezone: str
    clock: str
    first_start_at: datetime
    end_at: datetime | None
    imports: PriceSeries | None = None
    exports: PriceSeries | None = None
    charges: PriceSeries | None = None
    name: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def direction(self) -> str:
        """Return what it has prices of, as `tariffs.direction` has it."""
        if self.imports is not None and self.exports is not None:
            return "both"
        if self.imports is not None:
            return "import"
        return "standing_charge" if self.exports is None else "export"


def checked_price(value: object, where: str) -> float:
    """Return a price in pence.

    Args:
        value: As in the file.
        where: What it is the price of, for the message.

    Raises:
        TariffError: It is no number, or not a possible price.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or value != value or value in (math.inf, -math.inf):
        raise TariffError(f"{where} is {value!r}, which is no price: write a number of pence.")
    assert isinstance(value, int | float)
    if abs(value) > _MAX_PENCE:
        raise TariffError(
            f"{where} is {value}, more than {_MAX_PENCE:,.0f} pence: prices are in pence per kWh,"
            " standing charges in pence per day. Is it in another unit?"
        )
    return float(value)


def refuse_impossible_date(day: date, where: str) -> None:
    """Refuse a date that no tariff has.

    Args:
        day: The date.
        where: What it is the date of, and how it is written, for the message.

    Raises:
        TariffError: It is too early or too late.
    """
    if day < EARLIEST:
        raise TariffError(f"{where}, before {EARLIEST}: correct it.")
    if day > _LATEST:
        raise TariffError(f"{where}, after {_LATEST}: correct it.")


def small_price_warnings(
    imports: PriceSeries | None, exports: PriceSeries | None, charges: PriceSeries | None
) -> Iterable[str]:
    """Return a sentence for each kind of prices that look as if they were in pounds."""
    kinds = (("import", imports), ("export", exports), ("standing charge", charges))
    for kind, series in kinds:
        if series is None:
            continue
        largest = float(np.nanmax(np.abs(series.pence)))
        if 0 < largest < 1:
            yield (
                f"No {kind} price is above {largest:g} pence: prices are in pence, and 0.27 looks"
                " like pounds."
            )


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, for messages."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def slot_of(moment: datetime) -> int:
    """Return the half hour that begins at a moment.

    Raises:
        ValueError: None does.
    """
    number, rest = divmod(moment.timestamp(), HALF_HOUR_S)
    if rest:
        raise ValueError(moment)
    return int(number)


def moment_of(slot: int) -> datetime:
    """Return when a half hour begins."""
    return datetime.fromtimestamp(slot * HALF_HOUR_S, UTC)


def moment_text(slot: int) -> str:
    """Return when a half hour begins, for messages."""
    return f"{moment_of(slot):%Y-%m-%d %H:%M} UTC"


def day_number(day: date) -> int:
    """Return a date as the number of days since 1970."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """Return the date of a number of days since 1970."""
    return _EPOCH + timedelta(days=number)


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a local day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
