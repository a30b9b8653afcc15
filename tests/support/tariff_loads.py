"""Loading of tariffs from texts, and the prices that a data folder then has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pipelines.tariffs.tariff_file import LoadOptions
from pipelines.tariffs.tariff_store import LoadResult, load_tariff
from warehouse import owner_inputs
from warehouse.lake import Lake

NOW = datetime(2026, 6, 17, 10, 40, tzinfo=UTC)
FLAT = """
name = "flat"
[[period]]
from = 2025-01-01
standing_charge = 50.0
import = [{ price = 25.0 }]
export = [{ price = 15.0 }]
"""
CLOSED = FLAT.replace("from = 2025-01-01", "from = 2025-01-01\nto = 2025-02-01")


def loader(lake: Lake, folder: Path) -> Callable[..., LoadResult]:
    """Return a function that writes a text as a file into a folder, and loads it."""

    def load_text(text, name="flat.toml", tariff=None, now=NOW, **options):
        path = folder / name
        path.write_text(text)
        return load_tariff(lake, path, LoadOptions(**options), tariff, now)

    return load_text


def rates(pence: float) -> str:
    entry = {"value_inc_vat": pence, "valid_from": "2025-01-01T00:00:00Z", "valid_to": None}
    return json.dumps([entry])


def prices(lake: Lake) -> Counter:
    """Count the half hours by tariff and prices."""
    rows = owner_inputs.read(lake.folder, "tariff_prices").to_pylist()
    keys = {(row["tariff"], row["start_at"]) for row in rows}
    assert len(keys) == len(rows)
    return Counter((row["tariff"], row["import_pence"], row["export_pence"]) for row in rows)


def charges(lake: Lake) -> Counter:
    rows = owner_inputs.read(lake.folder, "tariff_standing_charges").to_pylist()
    return Counter((row["tariff"], row["standing_charge_pence"]) for row in rows)
