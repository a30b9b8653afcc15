"""Views as published tables: computed by DuckDB when what they read has changed.

A row of a view can depend on any other month: on the days before, on when an inverter began. So a
view is computed whole, and the parts of it whose rows are as published are not written again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import owner_inputs
from warehouse.accounting.finding_store import FINDINGS_FILE
from warehouse.connection import connect, retrying
from warehouse.interface.view_spec import ViewSpec
from warehouse.lake import EXPECTED_FILE, Lake
from warehouse.publish.delta_log import number_of
from warehouse.publish.lake_tables import RENAMED
from warehouse.publish.published_part import FORM, MONTH, Part, PublishedTable
from warehouse.publish.published_types import published_schema
from warehouse.storage.atomic_files import sha256_of
from warehouse.storage.transaction import MANIFESTS

_LOCAL_DATE = "local_date"
_DATES = (_LOCAL_DATE, MONTH)
_PART_ROWS = 50_000
_MONTH_OF = "givlake_month_"


@dataclass(frozen=True, slots=True)
class PublishedView:
    """A view to publish.

    Attributes:
        spec: The view.
        tables: The tables of the lake that its rows depend on.
        records: The files of coverage and others of givlake's records that they depend on: what
            their names begin with.
        sql: The SQL of the view and of those that it reads.
    """

    spec: ViewSpec
    tables: tuple[str, ...]
    records: tuple[str, ...]
    sql: str

    @property
    def table(self) -> PublishedTable:
        """How it is published: by month of its local date, if it has several rows a day."""
        names = self.spec.schema.names
        has_times = any(
            pa.types.is_timestamp(self.spec.schema.field(n).type) for n in self.spec.key
        )
        has_months = has_times and _LOCAL_DATE in names and MONTH not in names
        return PublishedTable(
            self.spec.name,
            self.spec.description,
            published_schema(self.spec.schema, RENAMED),
            tuple(RENAMED.get(name, name) for name in self.spec.key),
            has_months=has_months,
            is_history=has_months,
        )


class Inputs:
    """Digests of what views are computed from."""

    def __init__(self, lake: Lake) -> None:
        """Read the manifests of all file sets."""
        self._tables: dict[str, list[str]] = {}
        self._records: dict[str, str] = {}
        for path in sorted((lake.folder / MANIFESTS).glob("*.json")):
            for name, fact in sorted(json.loads(path.read_bytes())["files"].items()):
                content = f"{name} {fact[4] or fact[3]}"
                if name.startswith("tables/"):
                    self._tables.setdefault(name.split("/")[1], []).append(content)
                else:
                    self._records[name] = content
        files = [EXPECTED_FILE, FINDINGS_FILE, *map(owner_inputs.file_name, owner_inputs.SCHEMAS)]
        for name in files:
            path = lake.folder / name
            self._records[name] = f"{name} {sha256_of(path) if path.exists() else ''}"

    def number_of(self, view: PublishedView) -> int:
        """Return a number that is another one if what a view is computed from is."""
        texts = [str(FORM), view.sql, str(view.table.schema)]
        texts += [self._records[name] for name in self._records if name.startswith(view.records)]
        for table in view.tables:
            texts += self._tables.get(table, [])
        return number_of(texts)


def view_parts(lake: Lake, view: PublishedView, folder: Path) -> Sequence[Part]:
    """Compute a view; return its parts, whose rows wait in files of a folder.

    Args:
        lake: The data folder, with a catalogue.
        view: The view.
        folder: An empty folder.

    Raises:
        DamagedError: A stored file cannot be read.
    """
    with connect(lake) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return retrying(lambda: list(_computed(connection, view, folder)))


def _computed(
    connection: duckdb.DuckDBPyConnection, view: PublishedView, folder: Path
) -> Iterator[Part]:
    has_months = view.table.has_months
    label = f"coalesce(strftime({_LOCAL_DATE}, '%Y-%m'), 'unknown')" if has_months else "''"
    columns = ", ".join(f'"{name}"' for name in view.spec.schema.names)
    # New days come last, so that the parts before them stay as they are.
    first = [name for name in _DATES if name in view.spec.schema.names]
    key = ", ".join(f'"{name}"' for name in (*first, *view.spec.key)) if view.spec.key else columns
    reader: pa.RecordBatchReader = connection.execute(
        f'SELECT {columns}, {label} AS {_MONTH_OF} FROM "{view.spec.name}"'
        f" ORDER BY {_MONTH_OF}, {key}"
    ).to_arrow_reader(_PART_ROWS)
    for month, number, part in _cut(reader):
        path = folder / f"{month}-{number}.parquet"
        pq.write_table(part, path, compression="zstd", store_schema=False)
        # Of the file, since memory also has values where rows have none.
        digest = sha256_of(path)
        read = partial(_read, path, part.schema)
        size_bytes = path.stat().st_size
        yield Part(f"part-{number}", digest, part.num_rows, size_bytes, read, month)


def _cut(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, int, pa.Table]]:
    """Cut rows in the order of their months; yield month, number in the month, and rows."""
    month, number = "", 0
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        for label, rows in _runs(batch):
            if label != month:
                if waiting:
                    yield month, number, pa.Table.from_batches(waiting)
                month, number, waiting = label, 0, []
            waiting.append(rows)
            while sum(each.num_rows for each in waiting) >= _PART_ROWS:
                whole = pa.Table.from_batches(waiting)
                yield month, number, whole.slice(0, _PART_ROWS)
                number, waiting = number + 1, whole.slice(_PART_ROWS).to_batches()
    if waiting:
        yield month, number, pa.Table.from_batches(waiting)


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Divide sorted rows by their month, which is the last column."""
    labels = batch.column(batch.num_columns - 1).to_pylist()
    rows = batch.select(batch.schema.names[:-1])
    start = 0
    for label, group in groupby(labels):
        length = len(list(group))
        yield label, rows.slice(start, length)
        start += length


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    return pq.ParquetFile(path).read().cast(schema)
