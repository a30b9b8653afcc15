"""What is wrong with the stored tariffs: missing prices, and days without a standing charge."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from pipelines.tariffs.expansion import stored_parts
from pipelines.tariffs.price_series import (
    HALF_HOUR_S,
    PriceSeries,
    TariffError,
    counted,
    day_number,
    day_of,
    local_midnight,
    moment_text,
)


@dataclass(frozen=True, slots=True)
class TariffFinding:
    """A problem of a tariff, in one sentence.

    Attributes:
        tariff: Its name.
        problem: `not_loaded`, `hole`, `overlap`, `no_import_price` or `no_standing_charge`.
        message: The problem and what to do.
    """

    tariff: str
    problem: str
    message: str


@dataclass(frozen=True, slots=True)
class StoredTariffs:
    """What is stored of tariffs.

    Attributes:
        loads: The rows of `tariffs`.
        prices: The table `tariff_prices`.
        charges: The table `tariff_standing_charges`.
        in_force: The rows of `tariffs_in_force`.
    """

    loads: Sequence[Mapping[str, Any]]
    prices: pa.Table
    charges: pa.Table
    in_force: Sequence[Mapping[str, Any]]


def tariff_findings(
    stored: StoredTariffs, energy: tuple[datetime, datetime] | None, name: str | None = None
) -> list[TariffFinding]:
    """Check the stored tariffs, and those in force from the oldest to the newest data.

    Args:
        stored: What is stored.
        energy: The begin of the oldest energy data and the end of the newest; None if there are
            none.
        name: The only tariff to check; None for all.
    """
    findings: list[TariffFinding] = []
    zones = {load["tariff"]: load["timezone"] for load in stored.loads if load["is_current"]}
    for tariff in sorted(zones):
        findings += _holes(stored, tariff)
    ranges = sorted(stored.in_force, key=lambda entry: entry["from_date"])
    findings += _overlaps(ranges)
    for entry in ranges:
        tariff = entry["tariff"]
        if tariff not in zones:
            message = (
                f"It was in force from {entry['from_date']}, but is not loaded: load its file."
            )
            findings.append(TariffFinding(tariff, "not_loaded", message))
        elif energy is not None:
            findings += _lacking(stored, entry, ZoneInfo(zones[tariff]), energy)
    return [each for each in findings if name in (None, each.tariff)]


def _holes(stored: StoredTariffs, tariff: str) -> Iterator[TariffFinding]:
    names = {
        "imports": "Its import price",
        "exports": "Its export price",
        "charges": "Its standing charge",
    }
    for part, series in stored_parts(tariff, stored.prices, stored.charges).items():
        try:
            series.refuse_holes(names[part], days=part == "charges")
        except TariffError as error:
            yield TariffFinding(tariff, "hole", str(error))


def _overlaps(ranges: Sequence[Mapping[str, Any]]) -> Iterator[TariffFinding]:
    for earlier, later in itertools.pairwise(ranges):
        if earlier["to_date"] is None or earlier["to_date"] > later["from_date"]:
            yield TariffFinding(
                later["tariff"],
                "overlap",
                f"It is in force from {later['from_date']}, as {earlier['tariff']} is too: say"
                " which was with givlake tariffs use.",
            )


def _lacking(
    stored: StoredTariffs,
    entry: Mapping[str, Any],
    zone: ZoneInfo,
    energy: tuple[datetime, datetime],
) -> Iterator[TariffFinding]:
    """Find the half hours and days without a price, while a tariff was in force and data exist."""
    tariff, (oldest_at, newest_at) = entry["tariff"], energy
    first = max(entry["from_date"], oldest_at.astimezone(zone).date())
    # The last day is that of the newest data, which end at midnight at the latest.
    newest_day = (newest_at - timedelta(microseconds=1)).astimezone(zone).date()
    last = newest_day + timedelta(days=1)
    until = min(entry["to_date"] or date.max, last)
    if until <= first:
        return
    begin = max(_first_slot(first, zone), int(oldest_at.timestamp()) // HALF_HOUR_S)
    # An end of data within a half hour counts the half hours that are whole.
    end = min(_first_slot(until, zone), int(newest_at.timestamp()) // HALF_HOUR_S)
    parts = stored_parts(tariff, stored.prices, stored.charges)
    missing = _missing(parts.get("imports"), begin, end)
    if missing.size:
        yield TariffFinding(
            tariff,
            "no_import_price",
            f"It was in force and has no import price for {counted(missing.size, 'half hour')} with"
            f" data, from {moment_text(int(missing[0]))} to {moment_text(int(missing[-1]) + 1)}:"
            " load newer prices, or say with givlake tariffs use which tariff was in force.",
        )
    missing = _missing(parts.get("charges"), day_number(first), day_number(until))
    if missing.size:
        yield TariffFinding(
            tariff,
            "no_standing_charge",
            f"It was in force and has no standing charge for {counted(missing.size, 'day')}, from"
            f" {day_of(int(missing[0]))} to {day_of(int(missing[-1]))}: load one (0 if there is"
            " none).",
        )


def _first_slot(day: date, zone: ZoneInfo) -> int:
    """Return the first half hour of a local day, which need not begin at its midnight."""
    return math.ceil(local_midnight(day, zone).timestamp() / HALF_HOUR_S)


def _missing(series: PriceSeries | None, begin: int, end: int) -> np.ndarray:
    """Return the places between two ends that have no price."""
    is_known = np.zeros(max(end - begin, 0), dtype=bool)
    if series is not None:
        places = series.first + np.flatnonzero(~np.isnan(series.pence)) - begin
        is_known[places[(places >= 0) & (places < is_known.size)]] = True
    return np.flatnonzero(~is_known) + begin
