"""The parts of the lake's tables: one for each file, named by the digest in its manifest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.interface.table_spec import TableSpec
from warehouse.lake import Lake, file_set_name
from warehouse.publish.published_part import (
    ACCOUNT,
    MONTH,
    Part,
    PartChangedError,
    PublishedTable,
)
from warehouse.publish.published_types import published_schema
from warehouse.storage.parquet_files import read_errors_as_damage
from warehouse.storage.transaction import FileFact

# Columns of tables that Delta's partition columns would hide.
RENAMED: Mapping[str, str] = {ACCOUNT: "account_key"}
_MONTH_FOLDER = f"{MONTH}="


def published_table(spec: TableSpec) -> PublishedTable:
    """Return how a table of the lake is published."""
    times = [spec.time_column] if spec.time_column else []
    return PublishedTable(
        spec.name,
        spec.description,
        published_schema(spec.schema, RENAMED),
        tuple(dict.fromkeys(RENAMED.get(name, name) for name in (*spec.row_key, *times))),
        has_months=spec.time_column is not None,
        is_history=True,
    )


def table_parts(lake: Lake, dataset: str, spec: TableSpec) -> list[Part] | None:
    """Return the parts of a table as its manifest has them; None if it was never built.

    The lock is held only meanwhile: who reads a part is told if its file was replaced.
    """
    file_set = lake.file_set(file_set_name(dataset))
    with file_set.lock():
        manifest = file_set.manifest()
    if manifest is None:
        return None
    prefix = f"{spec.folder}/"
    parts = []
    for name in manifest.below(prefix):
        month, _, file = name.removeprefix(prefix).rpartition("/")
        fact = manifest.files[name]
        if fact.rows == 0:
            continue
        parts.append(
            Part(
                file.removesuffix(".parquet"),
                fact.content or fact.sha256,
                fact.rows,
                fact.size_bytes - fact.unused_bytes,
                partial(_read, lake.folder / name, fact, spec.schema),
                month.removeprefix(_MONTH_FOLDER),
            )
        )
    return parts


def _read(path: Path, fact: FileFact, schema: pa.Schema) -> pa.Table:
    try:
        with path.open("rb") as file:
            stat, content = os.fstat(file.fileno()), file.read()
    except FileNotFoundError:
        raise PartChangedError(str(path)) from None
    is_as_noted = (stat.st_size, stat.st_mtime_ns) == (fact.size_bytes, fact.mtime_ns)
    # The time of a copied file is another; a file that was replaced since has another content.
    if not is_as_noted and hashlib.sha256(content).hexdigest() != fact.sha256:
        raise PartChangedError(str(path))
    with (
        read_errors_as_damage(path),
        pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as parquet,
    ):
        rows = parquet.read()
        return pa.Table.from_arrays([rows[name] for name in schema.names], schema=schema)
