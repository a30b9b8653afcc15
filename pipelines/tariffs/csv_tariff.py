"""Prices by time in CSV: `start,import_pence,export_pence`."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from statistics import median

import numpy as np

from pipelines.tariffs.price_series import (
    PriceSeries,
    TariffError,
    TariffPrices,
    checked_price,
    moment_of,
    moment_text,
    refuse_impossible_date,
    slot_of,
)

_PRICES = ("import_pence", "export_pence")
_CHOICES = (_PRICES, _PRICES[:1], _PRICES[1:])
_DAY_SLOTS = 48
_Row = tuple[int, dict[str, float]]


def read_csv(text: str, currency: str, zone: str, until: datetime) -> TariffPrices:
    """Return the prices of a tariff in CSV; each row lasts until the next.

    Args:
        text: The file.
        currency: The currency of its prices, which it does not tell.
        zone: The zone of the owner's days.
        until: Up to when prices are expanded.

    Raises:
        TariffError: The file is no such tariff, or leaves half hours without a price.
    """
    rows = sorted(_rows(text), key=lambda row: row[0])
    if not rows:
        raise TariffError("The file has no prices: it has no row below its header.")
    starts = [start for start, _ in rows]
    for earlier, later in itertools.pairwise(starts):
        if earlier == later:
            raise TariffError(f"Two rows start at {moment_text(earlier)}: remove one.")
    steps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    # The last row lasts as long as the one before it.
    steps.append(steps[-1] if steps else 1)
    end = starts[-1] + steps[-1]
    imports, exports = (_series(rows, steps, name, slot_of(until)) for name in _PRICES)
    for what, series in (("The import price", imports), ("The export price", exports)):
        if series is not None:
            series.refuse_holes(what)
    return TariffPrices(
        format="csv",
        currency=currency,
        timezone=zone,
        clock="utc",
        first_start_at=moment_of(starts[0]),
        end_at=moment_of(end),
        imports=imports,
        exports=exports,
        warnings=tuple(_long_rows(starts, steps)),
    )


def _rows(text: str) -> Iterator[_Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        reader.fieldnames = _header(reader.fieldnames or [])
        for row in reader:
            line = reader.line_num
            if None in row or any(value is None for value in row.values()):
                raise TariffError(
                    f"Line {line} has not {len(reader.fieldnames)} values: correct it."
                )
            prices = {
                name: checked_price(_number(row[name]), f"{name} in line {line}")
                for name in _PRICES
                if row.get(name, "").strip()
            }
            yield _start(row["start"].strip(), line), prices
    except csv.Error as error:
        raise TariffError(
            f"The file is not valid CSV (line {reader.line_num}: {error}): correct it."
        ) from error


def _header(names: Iterable[str]) -> list[str]:
    """Return the names of the columns.

    Raises:
        TariffError: There are other columns, one is twice, or there is none of prices.
    """
    header = [name.strip() for name in names]
    if sorted(header) not in [sorted(["start", *prices]) for prices in _CHOICES]:
        raise TariffError(
            f"The first line is {','.join(header)!r}: write start,import_pence,export_pence, or"
            " leave out the price that the tariff does not have."
        )
    return header


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _start(text: str, line: int) -> int:
    moment: datetime | None = None
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(text)
    if moment is None or moment.tzinfo is None:
        raise TariffError(
            f"start in line {line} is {text!r}: write a time with its offset from UTC, such as"
            " 2025-03-30T00:00:00Z or 2025-03-30T01:00+01:00."
        )
    refuse_impossible_date(moment.date(), f"start in line {line} is {text!r}")
    try:
        return slot_of(moment.astimezone(UTC))
    except ValueError as error:
        raise TariffError(
            f"start in line {line} is {text!r}, which is not a whole half hour: correct it."
        ) from error


def _series(rows: list[_Row], steps: list[int], name: str, until: int) -> PriceSeries | None:
    first = rows[0][0]
    pence = np.full(max(min(rows[-1][0] + steps[-1], until) - first, 0), np.nan)
    for (start, prices), step in zip(rows, steps, strict=True):
        pence[start - first : start - first + step] = prices.get(name, np.nan)
    return PriceSeries(first, pence).trimmed()


def _long_rows(starts: list[int], steps: list[int]) -> Iterator[str]:
    """Return a sentence about a row that lasts long among short ones: rows may be missing."""
    longest = max(steps)
    if longest > _DAY_SLOTS >= median(steps):
        start = starts[steps.index(longest)]
        yield (
            f"The price from {moment_text(start)} lasts {longest / _DAY_SLOTS:g} days, until the"
            " next row: add the rows between them if some are missing."
        )
