"""Prices by half hour and charges by day, expanded from the copies of the loaded files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.tariffs.price_series import HALF_HOUR_S, PriceSeries, TariffError
from pipelines.tariffs.tariff_file import LoadOptions, read_tariff
from warehouse import DamagedError, Lake, owner_inputs

# Less than this is renewed.
_AHEAD = timedelta(days=365)
_FACTS = b"expanded_from"
_CURRENCY = b"currency"
_PARTS = ("imports", "exports", "charges")


@dataclass(slots=True)
class CurrentPrices:
    """The prices of a tariff, each part from the newest load that has it.

    Attributes:
        parts: The series by part.
        versions: The versions that they are from.
        is_readable: Whether all copies could be read; else the stored prices stay.
    """

    parts: dict[str, PriceSeries] = field(default_factory=dict)
    versions: set[int] = field(default_factory=set)
    is_readable: bool = True


def current_prices(
    folder: Path, loads: Sequence[Mapping[str, Any]], until: datetime
) -> tuple[dict[str, CurrentPrices], list[str]]:
    """Return the prices of each tariff, and a message for each copy that cannot be read.

    Args:
        folder: The data folder.
        loads: The rows of `tariffs`, by tariff and version.
        until: Up to when prices without an end are expanded.
    """
    current: dict[str, CurrentPrices] = {}
    messages = []
    for load in reversed(loads):
        tariff = current.setdefault(load["tariff"], CurrentPrices())
        if len(tariff.parts) == len(_PARTS) or not tariff.is_readable:
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
            tariff.is_readable = False
            messages.append(
                f"The prices of tariff {load['tariff']} stay as they were expanded before, since"
                f" {path.relative_to(folder)} cannot be read ({error}): load the tariff again"
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
        tables = [
            rows_of(tariff, prices.parts)
            if prices.is_readable
            else _stored(lake.folder, name, tariff)
            for tariff, prices in current.items()
        ]
        owner_inputs.write(lake, name, tables, facts=facts)


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


def _stored(folder: Path, name: str, tariff: str) -> pa.Table:
    try:
        rows = owner_inputs.read(folder, name)
    except DamagedError:
        return owner_inputs.SCHEMAS[name].empty_table()
    return rows.filter(pc.equal(rows["tariff"], tariff))


def _prices(tariff: str, parts: Mapping[str, PriceSeries]) -> pa.Table:
    series = [parts[name] for name in ("imports", "exports") if name in parts]
    first = min((each.first for each in series), default=0)
    end = max((each.first + each.pence.size for each in series), default=0)
    columns = [_placed(parts.get(name), first, end) for name in ("imports", "exports")]
    places = np.flatnonzero(~np.isnan(columns[0]) | ~np.isnan(columns[1]))
    starts = (first + places).astype(np.int64) * HALF_HOUR_S * 1_000_000
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


def _charges(tariff: str, parts: Mapping[str, PriceSeries]) -> pa.Table:
    series = parts.get("charges") or PriceSeries(0, np.array([]))
    days = np.arange(series.first, series.first + series.pence.size, dtype=np.int32)
    return pa.table(
        [pa.repeat(tariff, days.size), pa.array(days).cast(pa.date32()), pa.array(series.pence)],
        schema=owner_inputs.SCHEMAS["tariff_standing_charges"],
    )
