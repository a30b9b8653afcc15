"""Prices as Octopus' public API serves them: JSON pages of unit rates or standing charges."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from assets.catalogue_views import DEFAULT_CURRENCY
from pipelines.tariffs.price_series import (
    PriceSeries,
    TariffError,
    TariffPrices,
    checked_price,
    day_number,
    moment_of,
    moment_text,
    refuse_impossible_date,
    slot_of,
)

# Of Great Britain, whose dates standing charges are by.
_ZONE = "Europe/London"
_PAGE = re.compile(r"[?&]page=(\d{1,9})")
_LONGEST_ENTRY = 200
_VALUES = {"include": "value_inc_vat", "exclude": "value_exc_vat"}
_NOT_OCTOPUS = (
    "The file is no answer of Octopus' API: save what the address of unit rates or standing charges"
    " gives, a list of such pages, or a list of their results."
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A price between two half hours; `end` None is still."""

    start: int
    end: int | None
    pence: float


def read_octopus(
    text: str, direction: str | None, payment: str, vat: str, until: datetime
) -> TariffPrices:
    """Return the prices of a saved answer of Octopus' API.

    Args:
        text: The file: one page, a list of pages, or a list of results.
        direction: `import`, `export` or `standing-charge`, which the content does not tell.
        payment: The payment method to take where prices differ by it.
        vat: `include` or `exclude`.
        until: Up to when a price without an end is expanded.

    Raises:
        TariffError: The file is no such answer, lacks a page, or has holes or overlaps.
    """
    if direction is None:
        raise TariffError(
            "The file does not tell what its prices are for: add --direction import, export or"
            " standing-charge."
        )
    entries = sorted(
        _entries(_chosen(_results(text), payment), _VALUES[vat]), key=lambda entry: entry.start
    )
    for earlier, later in itertools.pairwise(entries):
        if earlier.end is None or earlier.end > later.start:
            end = "has no end" if earlier.end is None else f"ends {moment_text(earlier.end)}"
            raise TariffError(
                f"The price from {moment_text(earlier.start)} {end}, and another begins"
                f" {moment_text(later.start)}: remove the one that does not apply."
            )
    last = entries[-1].end
    imports = exports = charges = None
    if direction == "standing-charge":
        charges = _by_day(entries, until.date()).trimmed()
        if charges is not None:
            charges.refuse_holes("The standing charge", days=True)
    else:
        series = _by_half_hour(entries, slot_of(until)).trimmed()
        if series is not None:
            series.refuse_holes(f"The {direction} price")
        imports, exports = (series, None) if direction == "import" else (None, series)
    return TariffPrices(
        format="octopus",
        currency=DEFAULT_CURRENCY,
        timezone=_ZONE,
        clock="utc",
        first_start_at=moment_of(entries[0].start),
        end_at=None if last is None else moment_of(last),
        imports=imports,
        exports=exports,
        charges=charges,
    )


def _results(text: str) -> list[dict[str, Any]]:
    """Return the results of all pages.

    Raises:
        TariffError: The file has another form, or a page is missing.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TariffError(f"The file is not valid JSON ({error}): save it again.") from error
    pages = [raw] if isinstance(raw, dict) else raw
    if not isinstance(pages, list) or not all(isinstance(page, dict) for page in pages):
        raise TariffError(_NOT_OCTOPUS)
    if any("results" in page for page in pages):
        if not all(isinstance(page.get("results"), list) for page in pages):
            raise TariffError(_NOT_OCTOPUS)
        _refuse_missing_page(pages)
        results = [result for page in pages for result in page["results"]]
    else:
        results = pages
    if not all(isinstance(result, dict) and "valid_from" in result for result in results):
        raise TariffError(_NOT_OCTOPUS)
    if not results:
        raise TariffError("The file has no prices: its list of results is empty.")
    return results


def _refuse_missing_page(pages: Iterable[dict[str, Any]]) -> None:
    """Refuse pages that name one which is not among them: a page names its neighbours only."""
    own, named = set(), dict[int, str]()
    for page in pages:
        following, previous = (str(page.get(name) or "") for name in ("next", "previous"))
        if following:
            own.add(_page_number(following) - 1)
            named[_page_number(following)] = following
        if previous:
            own.add(_page_number(previous) + 1)
            named[_page_number(previous)] = previous
        if not following and not previous:
            own.add(1)
    missing = sorted(named.keys() - own)
    if missing:
        raise TariffError(
            f"The file lacks page {missing[0]} of the answer: save {named[missing[0]]} too, and"
            " load a file with the list of all pages: [page 1, page 2, ...]."
        )


def _page_number(address: str) -> int:
    found = _PAGE.search(address)
    return int(found[1]) if found else 1


def _chosen(results: list[dict[str, Any]], payment: str) -> list[dict[str, Any]]:
    """Return the results of a payment method; those without one where it has none.

    Raises:
        TariffError: All results are of other payment methods.
    """
    chosen: dict[tuple[object, object], list[dict[str, Any]]] = {}
    for result in results:
        if result.get("payment_method") in (payment, None):
            key = (str(result["valid_from"]), str(result.get("valid_to")))
            chosen.setdefault(key, []).append(result)
    if not chosen:
        others = sorted({str(result.get("payment_method")) for result in results})
        raise TariffError(
            f"The file has no prices of payment method {payment}, but of {', '.join(others)}:"
            " choose with --payment."
        )
    found = []
    for same in chosen.values():
        own = [result for result in same if result.get("payment_method") == payment] or same
        found += [result for at, result in enumerate(own) if result not in own[:at]]
    return found


def _entries(results: Iterable[dict[str, Any]], name: str) -> Iterator[_Entry]:
    for result in results:
        start = _slot(result, "valid_from")
        end = None if result.get("valid_to") is None else _slot(result, "valid_to")
        if end is not None and end <= start:
            raise TariffError(
                f"The price from {moment_text(start)} ends {moment_text(end)}, before it begins."
            )
        if name not in result:
            raise TariffError(f"The price from {moment_text(start)} has no {name}.")
        yield _Entry(start, end, checked_price(result[name], f"{name} from {moment_text(start)}"))


def _slot(result: dict[str, Any], name: str) -> int:
    value = result[name]
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        refuse_impossible_date(moment.date(), f"{name} is {value!r}")
        return slot_of(moment.astimezone(UTC))
    except (TypeError, ValueError) as error:
        raise TariffError(
            f"{name} is {value!r}, which is not a UTC time at a whole half hour, in the entry"
            f" {json.dumps(result)[:_LONGEST_ENTRY]}: save the answer again, or correct the entry."
        ) from error


def _by_half_hour(entries: list[_Entry], until: int) -> PriceSeries:
    first = entries[0].start
    last = until if entries[-1].end is None else min(entries[-1].end, until)
    pence = np.full(max(last - first, 0), np.nan)
    for entry in entries:
        end = last if entry.end is None else min(entry.end, last)
        pence[entry.start - first : max(end - first, 0)] = entry.pence
    return PriceSeries(first, pence)


def _by_day(entries: list[_Entry], until: date) -> PriceSeries:
    """Return the charge of each date: the one at noon, since the API's midnights are UTC or not."""
    zone = ZoneInfo(_ZONE)

    def first_day(slot: int) -> int:
        """Return the first date whose noon is not before a half hour."""
        local = moment_of(slot).astimezone(zone)
        return day_number(local.date() + timedelta(days=int(local.time() > time(12))))

    first = first_day(entries[0].start)
    end_of_all = entries[-1].end
    last = day_number(until)
    if end_of_all is not None:
        last = min(first_day(end_of_all), last)
    pence = np.full(max(last - first, 0), np.nan)
    for entry in entries:
        begin = first_day(entry.start) - first
        end = last - first if entry.end is None else first_day(entry.end) - first
        pence[begin:end] = entry.pence
    return PriceSeries(first, pence)
