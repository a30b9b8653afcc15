"""Content of a folder's tables in a canonical form, to compare builds with rebuilds."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def rows_of(folder: Path, store: str = "tables/readings") -> list[dict[str, Any]]:
    """Return all rows of a store's files, in a canonical order."""
    paths = sorted((folder / store).rglob("[!_]*.parquet"))
    tables = [pq.read_table(path, partitioning=None) for path in paths]
    rows = pa.concat_tables(tables).to_pylist() if tables else []
    return sorted(rows, key=repr)


def digest_of(folder: Path, store: str = "tables/readings") -> str:
    """Return a hash of a store's rows."""
    return hashlib.sha256(repr(rows_of(folder, store)).encode()).hexdigest()


def content_of(folder: Path) -> dict[str, str]:
    """Return the hash of each store whose content follows from the archive alone."""
    stores = ("tables/readings", "index/superseded/readings", "index/quarantine/readings")
    return {store: digest_of(folder, store) for store in stores}
