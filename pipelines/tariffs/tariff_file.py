"""Read a file of a tariff, whatever its format."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import PurePath

from assets.catalogue_views import DEFAULT_CURRENCY
from pipelines.tariffs.csv_tariff import read_csv
from pipelines.tariffs.octopus_tariff import read_octopus
from pipelines.tariffs.price_series import TariffError, TariffPrices, small_price_warnings
from pipelines.tariffs.toml_tariff import read_toml

DIRECTIONS = ("import", "export", "standing-charge")
PAYMENTS = ("DIRECT_DEBIT", "NON_DIRECT_DEBIT")
VAT = ("include", "exclude")


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to read a file, as far as it does not tell itself.

    Attributes:
        direction: One of `DIRECTIONS`: the only prices to take; None for all.
        payment: One of `PAYMENTS`, for Octopus' answers; None for the first.
        vat: One of `VAT`, for Octopus' answers; None for the first.
        currency: The currency of CSV.
        zone: The zone of CSV.
    """

    direction: str | None = None
    payment: str | None = None
    vat: str | None = None
    currency: str = DEFAULT_CURRENCY
    zone: str = "Europe/London"

    def as_json(self) -> str:
        """Return the options as text, to be stored beside the file."""
        return json.dumps(asdict(self), indent=1)


def checked_suffix(file_name: str) -> str:
    """Return the ending of a file, which tells its format.

    Raises:
        TariffError: Tariffs have no such ending.
    """
    suffix = PurePath(file_name).suffix.lower()
    if suffix not in (".toml", ".json", ".csv"):
        raise TariffError(
            f"{file_name} has not the ending of a tariff: .toml for rules, .json for an answer of"
            " Octopus' API, .csv for prices by time."
        )
    return suffix


def read_tariff(
    content: bytes, file_name: str, options: LoadOptions, until: datetime
) -> TariffPrices:
    """Return the prices of a file.

    Args:
        content: The file.
        file_name: Its name, whose ending tells the format.
        options: How to read it.
        until: Up to when prices without an end are expanded.

    Raises:
        TariffError: It cannot be read, or has holes, overlaps or impossible prices.
    """
    readers: dict[str, Callable[[str], TariffPrices]] = {
        ".toml": lambda text: read_toml(text, until),
        ".json": lambda text: read_octopus(
            text,
            options.direction,
            options.payment or PAYMENTS[0],
            options.vat or VAT[0],
            until,
        ),
        ".csv": lambda text: read_csv(text, options.currency, options.zone, until),
    }
    suffix = checked_suffix(file_name)
    if suffix != ".json" and (options.payment or options.vat):
        raise TariffError(
            f"--payment and --vat are for answers of Octopus' API, and {file_name} is none: leave"
            " them out."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TariffError(f"{file_name} is not UTF-8 text: save it as UTF-8.") from error
    try:
        prices = readers[suffix](text)
    except TariffError as error:
        raise TariffError(f"{file_name} cannot be loaded. {error}") from error
    prices = _limited(prices, options.direction)
    kinds = (prices.imports, prices.exports, prices.charges)
    if prices.first_start_at >= until:
        raise TariffError(
            f"{file_name} cannot be loaded: its first price begins"
            f" {prices.first_start_at:%Y-%m-%d}, more than two years ahead: correct the date."
        )
    if all(series is None for series in kinds):
        only = f" for {options.direction}" if options.direction else ""
        raise TariffError(f"{file_name} has no prices{only}: add some.")
    warnings = (*prices.warnings, *small_price_warnings(*kinds))
    return replace(prices, warnings=warnings)


def _limited(prices: TariffPrices, direction: str | None) -> TariffPrices:
    """Return the prices of one direction only."""
    if direction == "standing-charge":
        return replace(prices, imports=None, exports=None)
    if direction == "import":
        return replace(prices, exports=None)
    if direction == "export":
        return replace(prices, imports=None, charges=None)
    return prices
