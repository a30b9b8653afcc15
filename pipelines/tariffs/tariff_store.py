"""The stored tariffs: loading files, expanding their prices, and forgetting a tariff."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets.catalogue_views import DEFAULT_CURRENCY
from pipelines.suggestions import did_you_mean
from pipelines.tariffs.expansion import current_prices, expand, expanded_currency, is_expanded
from pipelines.tariffs.price_series import TariffError
from pipelines.tariffs.tariff_file import LoadOptions, checked_suffix, read_tariff
from warehouse import owner_inputs
from warehouse.errors import DamagedError
from warehouse.lake import Lake
from warehouse.storage.atomic_files import explained, sha256_of, write_atomically

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_FILE_NAME = 100
_LARGEST_BYTES = 50_000_000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What loading a file did.

    Attributes:
        load: The row of `tariffs`.
        is_new: Whether it was loaded now; else the same file is the current one already.
        warnings: What the owner should look at, one sentence each.
    """

    load: dict[str, Any]
    is_new: bool
    warnings: tuple[str, ...]


def load_tariff(
    lake: Lake, path: Path, options: LoadOptions, name: str | None, now: datetime
) -> LoadResult:
    """Load a file as the newest version of a tariff.

    Args:
        lake: The data folder.
        path: The file.
        options: How to read it; its currency is the one of CSV if no tariff is stored yet.
        name: The name of the tariff; None for the one in the file.
        now: The current time.

    Raises:
        TariffError: The file cannot be read as a tariff, or does not fit the stored ones.
        WarehouseError: The data folder cannot be used.
    """
    content = _content(path)
    with owner_inputs.lock(lake):
        loads = read_loads(lake.folder)
        if loads:
            options = replace(options, currency=loads[0]["currency"])
        prices = read_tariff(content, path.name, options, expansion_end(now))
        if loads and prices.currency != loads[0]["currency"]:
            raise TariffError(
                f"{path.name} is in {prices.currency} and the stored tariffs are in"
                f" {loads[0]['currency']}: a data folder has one currency. Convert the prices, or"
                " remove the stored tariffs with givlake tariffs forget."
            )
        tariff = checked_name(name if name is not None else prices.name, path)
        own = [load for load in loads if load["tariff"] == tariff]
        file_name = _NOT_IN_A_NAME.sub("_", path.name)[-_LONGEST_FILE_NAME:]
        load = {
            "tariff": tariff,
            "version": max((load["version"] for load in own), default=0) + 1,
            "direction": prices.direction,
            "currency": prices.currency,
            "timezone": prices.timezone,
            "clock": prices.clock,
            "format": prices.format,
            "file_name": file_name,
            "file_sha256": hashlib.sha256(content).hexdigest(),
            "loaded_at": now,
            "first_start_at": prices.first_start_at,
            "end_at": prices.end_at,
            "is_current": True,
        }
        if prices.format != "csv":
            options = LoadOptions(options.direction, options.payment, options.vat)
        if (same := _loaded_before(lake.folder, own, load, options)) is not None:
            copy = owner_inputs.tariff_file(lake.folder, tariff, same["version"], same["file_name"])
            if copy.exists() and sha256_of(copy) == same["file_sha256"]:
                return LoadResult(same, False, prices.warnings)
            _keep(lake, same, content, options)
            _store(lake, loads, now)
            sentence = f"Its copy {copy.relative_to(lake.folder)} was lost: it is written again."
            return LoadResult(same, False, (*prices.warnings, sentence))
        _keep(lake, load, content, options)
        _store(lake, [*loads, load], now)
    return LoadResult(load, True, prices.warnings)


def read_loads(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of `tariffs`, in the order of their loading."""
    rows = owner_inputs.read(folder, "tariffs").to_pylist()
    return sorted(rows, key=lambda load: (load["tariff"], load["version"]))


def stored_currency(folder: Path) -> str:
    """Return the currency of the tariffs in a data folder; the default if it has none.

    Where the list of tariffs is damaged, it is the one that the stored prices were expanded in.

    Raises:
        StoreError: This user may not read it.
    """
    try:
        loads = read_loads(folder)
    except DamagedError:
        return expanded_currency(folder) or DEFAULT_CURRENCY
    return str(loads[0]["currency"]) if loads else DEFAULT_CURRENCY


def expansion_end(now: datetime) -> datetime:
    """Return up to when prices without an end are expanded: two years ahead."""
    day = min(now.day, 28)
    return now.replace(year=now.year + 2, day=day, hour=0, minute=0, second=0, microsecond=0)


def renew_prices(lake: Lake, now: datetime) -> bool:
    """Expand prices again where less than a year of them is left, or they are missing.

    Args:
        lake: The data folder.
        now: The current time.

    Returns:
        Whether they were expanded.

    Raises:
        StoreError: The disk is full or not writable.
    """
    try:
        if is_expanded(lake.folder, read_loads(lake.folder), now):
            return False
        with owner_inputs.lock(lake):
            _store(lake, read_loads(lake.folder), now)
    except DamagedError as error:
        _LOG.warning(str(error))
        return False
    return True


def forget_tariff(lake: Lake, tariff: str, now: datetime) -> None:
    """Remove a tariff: its files, its prices, and when it was in force.

    If it is interrupted, the same call finishes it.

    Raises:
        TariffError: There is no trace of such a tariff.
        WarehouseError: The data folder cannot be used.
    """
    with owner_inputs.lock(lake):
        known_name(tariff, traces(lake.folder))
        name = "tariffs_in_force"
        ranges = owner_inputs.read(lake.folder, name).to_pylist()
        kept = [entry for entry in ranges if entry["tariff"] != tariff]
        owner_inputs.write(lake, name, pa.Table.from_pylist(kept, owner_inputs.SCHEMAS[name]))
        folder = lake.folder / owner_inputs.TARIFF_FILES / tariff
        with explained("Removing", folder):
            shutil.rmtree(folder, ignore_errors=not folder.exists())
        # Last, so that it is known until all else is gone.
        loads = [load for load in read_loads(lake.folder) if load["tariff"] != tariff]
        _store(lake, loads, now)


def traces(folder: Path) -> list[dict[str, Any]]:
    """Return rows with the name of each tariff that anything is left of in a data folder."""
    copies = (folder / owner_inputs.TARIFF_FILES).glob("*/")
    return [
        *read_loads(folder),
        *owner_inputs.read(folder, "tariffs_in_force").to_pylist(),
        *({"tariff": path.name} for path in copies),
    ]


def known_name(tariff: str, loads: Iterable[Mapping[str, Any]]) -> None:
    """Refuse the name of a tariff that is not loaded.

    Raises:
        TariffError: It is not; the message names similar ones.
    """
    names = sorted({load["tariff"] for load in loads})
    if tariff not in names:
        hint = did_you_mean(tariff, names) or (
            f"Loaded are {', '.join(names)}." if names else "None is: use givlake tariffs load."
        )
        raise TariffError(f"No tariff {tariff!r} is loaded. {hint}")


def checked_name(name: str | None, path: Path) -> str:
    """Return the name of a tariff.

    Raises:
        TariffError: There is none, or it has characters that names do not have.
    """
    if name is None:
        raise TariffError(
            f"{path.name} does not name its tariff: add --name, such as --name agile."
        )
    if not _NAME.fullmatch(name):
        raise TariffError(
            f"{name!r} is no name of a tariff: use at most 64 of a-z, 0-9, '.', '_' and '-', and"
            " begin with a letter or digit."
        )
    return name


def _content(path: Path) -> bytes:
    with explained("Reading", path):
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise TariffError(f"There is no file {path}: check its name.") from error
        if stat.S_ISDIR(found.st_mode):
            raise TariffError(f"{path} is a folder: name a file in it.")
        checked_suffix(path.name)
        if not stat.S_ISREG(found.st_mode):
            raise TariffError(f"{path} is a pipe or a device: save its content as a file.")
        if found.st_size > _LARGEST_BYTES:
            raise TariffError(
                f"{path} has {found.st_size / 1e6:,.0f} MB, and files of tariffs at most"
                f" {_LARGEST_BYTES / 1e6:.0f} MB: name another file, or a shorter range of prices."
            )
        return path.read_bytes()


def _loaded_before(
    folder: Path, own: Sequence[dict[str, Any]], load: dict[str, Any], options: LoadOptions
) -> dict[str, Any] | None:
    """Return the newest load if it is of the same content, in the same way."""
    same_direction = [each for each in own if each["direction"] == load["direction"]]
    if not same_direction:
        return None
    newest = same_direction[-1]
    is_same = newest["file_sha256"] == load["file_sha256"] and newest["is_current"]
    is_overridden = any(
        each["version"] > newest["version"] and _overlap(each, newest) for each in own
    )
    path = owner_inputs.options_file(folder, newest["tariff"], newest["version"])
    try:
        is_same = is_same and path.read_bytes() == options.as_json().encode()
    except FileNotFoundError:
        is_same = False
    return newest if is_same and not is_overridden else None


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one["direction"] == other["direction"] or "both" in (
        one["direction"],
        other["direction"],
    )


def _keep(lake: Lake, load: dict[str, Any], content: bytes, options: LoadOptions) -> None:
    """Copy a file and its options into the data folder."""
    tariff, version = load["tariff"], load["version"]
    path = owner_inputs.tariff_file(lake.folder, tariff, version, load["file_name"])
    with explained("Writing", path):
        for folder in (path.parents[2], path.parents[1], path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        write_atomically(path, content, lake.scratch)
        text = options.as_json().encode()
        write_atomically(
            owner_inputs.options_file(lake.folder, tariff, version), text, lake.scratch
        )


def _store(lake: Lake, loads: list[dict[str, Any]], now: datetime) -> None:
    """Store the loads and the prices that follow from them. Callers hold the lock."""
    until = expansion_end(now)
    current, messages = current_prices(lake.folder, loads, until)
    for message in messages:
        _LOG.warning(message)
    rows = [
        {**load, "is_current": load["version"] in current[load["tariff"]].versions}
        for load in loads
    ]
    schema = owner_inputs.SCHEMAS["tariffs"]
    owner_inputs.write(lake, "tariffs", pa.Table.from_pylist(rows, schema))
    expand(lake, current, rows, until)
