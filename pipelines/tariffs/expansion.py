"""Prices by half hour and charges by day, expanded from the copies of the loaded files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.tariffs.price_series import HALF_HOUR_US, PriceSeries, TariffError
from pipelines.tariffs.tariff_file import LoadOptions, read_tariff
from warehouse import owner_inputs
from warehouse.errors import DamagedError
from warehouse.lake import Lake
from warehouse.storage.parquet_files import empty_table

# Less than this is renewed.
_AHEAD = timedelta(days=365)
_FACTS = b"expanded_from"
_CURRENCY = b"currency"
_PARTS = ("imports", "exports", "charges")
_PARTS_OF = {
    "import": ("imports",),
    "export": ("exports",),
    "both": ("imports", "exports"),
    "standing_charge": ("charges",),
}


@dataclass(slots=True)
class CurrentPrices:
    """The prices of a tariff, each part from the newest load that has it.

    Attributes:
        parts: The series by part; None if it is lost.
        versions: The versions that they are from.
    """

    parts: dict[str, PriceSeries | None] = field(default_factory=dict)
    versions: set[int] = field(default_factory=set)


def current_prices(
    folder: Path, loads: Sequence[Mapping[str, Any]], until: datetime
) -> tuple[dict[str, CurrentPrices], list[str]]:
    """Return the prices of each tariff, and a message for each copy that cannot be read.

    What such a copy is needed for stays as it was expanded before.

    Args:
        folder: The data folder.
        loads: The rows of `tariffs`, by tariff and version.
        until: Up to when prices without an end are expanded.
    """
    current: dict[str, CurrentPrices] = {}
    messages = []
    for load in reversed(loads):
        tariff = current.setdefault(load["tariff"], CurrentPrices())
        if len(tariff.parts) == len(_PARTS):
            continue
        path = owner_inputs.tariff_file(folder, load["tariff"], load["version"], load["file_name"])
        options = owner_inputs.options_file(folder, load["tariff"], load["version"])
        try:
            prices = read_tariff(
                path.read_bytes(),
                load["file_name"],
                LoadOptions(**json.loads(options.read_bytes())),
                until,
            )
        except (OSError, ValueError, TypeError, TariffError) as error:
            if kept := _kept(folder, load, tariff.parts):
                tariff.parts |= kept
                tariff.versions.add(load["version"])
                messages.append(
                    f"The prices of tariff {load['tariff']} stay as they were expanded before,"
                    f" since {path.relative_to(folder)} cannot be read ({error}): load the tariff"
                    " again"
                )
            continue
        for part in _PARTS:
            series = getattr(prices, part)
            if series is not None and part not in tariff.parts:
                tariff.parts[part] = series
                tariff.versions.add(load["version"])
    return dict(sorted(current.items())), messages


def expand(
    lake: Lake,
    current: Mapping[str, CurrentPrices],
    loads: Sequence[Mapping[str, Any]],
    until: datetime,
) -> None:
    """Store the prices of tariffs. Callers hold the lock of the inputs.

    Args:
        lake: The data folder.
        current: The prices, by tariff.
        loads: The rows of `tariffs`, to be compared by `is_expanded`.
        until: Up to when they are expanded.

    Raises:
        StoreError: The disk is full or not writable.
    """
    facts = {_FACTS: json.dumps([until.isoformat(), _versions(loads)]).encode()}
    if loads:
        facts[_CURRENCY] = str(loads[0]["currency"]).encode()
    for name, rows_of in (("tariff_prices", _prices), ("tariff_standing_charges", _charges)):
        tables = [rows_of(tariff, prices.parts) for tariff, prices in current.items()]
        owner_inputs.write(lake, name, tables, facts=facts)


def stored_parts(tariff: str, prices: pa.Table, charges: pa.Table) -> dict[str, PriceSeries]:
    """Return the stored prices of a tariff, by part.

    Args:
        tariff: Its name.
        prices: The table `tariff_prices`.
        charges: The table `tariff_standing_charges`.
    """
    prices = prices.filter(pc.equal(prices["tariff"], tariff))
    slots = np.asarray(prices["start_at"].cast(pa.int64())) // HALF_HOUR_US
    charges = charges.filter(pc.equal(charges["tariff"], tariff))
    days = np.asarray(charges["local_date"].cast(pa.int32())).astype(np.int64)
    series = {
        "imports": PriceSeries.of_places(slots, prices["import_pence"]),
        "exports": PriceSeries.of_places(slots, prices["export_pence"]),
        "charges": PriceSeries.of_places(days, charges["standing_charge_pence"]),
    }
    trimmed = {part: each and each.trimmed() for part, each in series.items()}
    return {part: each for part, each in trimmed.items() if each is not None}


def is_expanded(folder: Path, loads: Sequence[Mapping[str, Any]], now: datetime) -> bool:
    """Return whether the stored prices are those of the current loads, and reach far enough.

    Args:
        folder: The data folder.
        loads: The rows of `tariffs`.
        now: The current time.
    """
    for name in owner_inputs.EXPANDED:
        until, versions = None, []
        if (facts := _facts_of(folder, name).get(_FACTS)) is not None:
            text, versions = json.loads(facts)
            until = datetime.fromisoformat(text)
        if versions != _versions(loads):
            return False
        for load in loads:
            is_cut = load["end_at"] is None or (until is not None and load["end_at"] > until)
            if load["is_current"] and is_cut and (until is None or until < now + _AHEAD):
                return False
    return True


def expanded_currency(folder: Path) -> str | None:
    """Return the currency of the stored prices; None if there are none, or they are damaged."""
    noted = (_facts_of(folder, name).get(_CURRENCY) for name in owner_inputs.EXPANDED)
    return next((currency.decode() for currency in noted if currency is not None), None)


def _facts_of(folder: Path, name: str) -> Mapping[bytes, bytes]:
    """Return what is stored in the metadata of a file of prices; nothing if it is damaged."""
    try:
        return pq.read_schema(folder / owner_inputs.file_name(name)).metadata or {}
    except (OSError, pa.ArrowException):
        return {}


def _versions(loads: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    return sorted([load["tariff"], load["version"]] for load in loads if load["is_current"])


def _kept(
    folder: Path, load: Mapping[str, Any], found: Collection[str]
) -> dict[str, PriceSeries | None]:
    """Return the stored prices that a load is needed for, whose copy cannot be read.

    Args:
        folder: The data folder.
        load: The row of `tariffs`.
        found: The parts that newer loads have.
    """
    if not load["is_current"]:
        return {}
    stored = stored_parts(
        load["tariff"], *(_stored(folder, name) for name in owner_inputs.EXPANDED)
    )
    own = _PARTS_OF[load["direction"]]
    # Rules may have standing charges besides.
    if load["format"] == "toml" and "charges" in stored:
        own = (*own, "charges")
    return {part: stored.get(part) for part in own if part not in found}


def _stored(folder: Path, name: str) -> pa.Table:
    try:
        return owner_inputs.read(folder, name)
    except DamagedError:
        return empty_table(owner_inputs.SCHEMAS[name])


def _prices(tariff: str, parts: Mapping[str, PriceSeries | None]) -> pa.Table:
    series = [each for name in ("imports", "exports") if (each := parts.get(name)) is not None]
    first = min((each.first for each in series), default=0)
    end = max((each.first + each.pence.size for each in series), default=0)
    columns = [_placed(parts.get(name), first, end) for name in ("imports", "exports")]
    places = np.flatnonzero(~np.isnan(columns[0]) | ~np.isnan(columns[1]))
    starts = (first + places).astype(np.int64) * HALF_HOUR_US
    schema = owner_inputs.SCHEMAS["tariff_prices"]
    return pa.table(
        [
            pa.repeat(tariff, places.size),
            pa.array(starts).cast(schema.field("start_at").type),
            *(pa.array(column[places], from_pandas=True) for column in columns),
        ],
        schema=schema,
    )


def _placed(series: PriceSeries | None, first: int, end: int) -> np.ndarray:
    pence = np.full(end - first, np.nan)
    if series is not None:
        begin = series.first - first
        pence[begin : begin + series.pence.size] = series.pence
    return pence


def _charges(tariff: str, parts: Mapping[str, PriceSeries | None]) -> pa.Table:
    series = parts.get("charges") or PriceSeries(0, np.array([]))
    days = np.arange(series.first, series.first + series.pence.size, dtype=np.int32)
    return pa.table(
        [pa.repeat(tariff, days.size), pa.array(days).cast(pa.date32()), pa.array(series.pence)],
        schema=owner_inputs.SCHEMAS["tariff_standing_charges"],
    )
