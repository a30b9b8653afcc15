"""Publishing toy tables to a folder, and reading what is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from tests.support.toy_decoder import ToyDecoder
from warehouse.lake import Lake
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.publication import (
    Publication,
    PublicationOptions,
    Publishable,
    publish_folder,
)
from warehouse.tables.build import build


def publish_toys(
    lake: Lake,
    target: Path | DeltaTarget,
    *,
    account: str = "north",
    decoders: Sequence[ToyDecoder] = (),
    **options: Any,
) -> Publication:
    """Build what is archived, and publish the tables."""
    decoders = decoders or [ToyDecoder()]
    lake.archive.flush()
    for decoder in decoders:
        build(lake, decoder)
    place = target if isinstance(target, DeltaTarget) else DeltaTarget(str(target), {})
    return publish_folder(
        lake, place, account, Publishable(decoders), PublicationOptions(**options)
    )


def published_rows(
    table: Path | str, columns: str = "*", options: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a published table, by DuckDB over Arrow."""
    found = DeltaTable(str(table), storage_options=options).to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("found", found)
        rows: pa.Table = connection.execute(
            f"SELECT {columns} FROM found ORDER BY ALL"
        ).to_arrow_table()
    return list(rows.to_pylist())


def commits(table: Path) -> int:
    """Return the number of commits to a table, counted from its log's newest version."""
    return DeltaTable(str(table)).version() + 1


def objects(folder: Path) -> list[Path]:
    """Return all files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
