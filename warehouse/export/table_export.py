"""Exporting tables, with a manifest that proves them and a dictionary that explains them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa

from warehouse.connection import connect, retrying
from warehouse.coverage import CoverageRule
from warehouse.export.sinks import DUCKDB_FILE, CsvFiles, DuckDbFile, ParquetFiles, Sinks
from warehouse.export.target import new_file, new_folder, write_checksums
from warehouse.interface.decoder_protocol import Decoder
from warehouse.lake import Lake
from warehouse.storage.atomic_files import sha256_of
from warehouse.tables import TableSpec
from warehouse.tables.partition_files import stored_schema
from warehouse.tables.watermarks import pending_responses
from warehouse.verification.canonical_form import Days, TableDigest, sorted_rows
from warehouse.verification.manifest import days_by_state, held_still, manifest_of, table_entry

MANIFEST = "manifest.json"
DICTIONARY = "data-dictionary.md"
_ROWS_AT_ONCE = 10_000
_TEXTS = ("title", "description")
_DICTIONARY_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("table_name", "column_name", "type", *_TEXTS)]
)
_MANIFEST_SCHEMA = pa.schema([("manifest", pa.string())])


class ExportLayout(StrEnum):
    """In which form tables are exported."""

    PARQUET = "parquet"
    CSV = "csv"
    DUCKDB = "duckdb"


@dataclass(slots=True)
class ExportReport:
    """What was exported.

    Attributes:
        files: Files written, checksums and descriptions among them.
        rows: Rows of tables; of an export of bodies, responses.
    """

    files: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class _Wish:
    """What to export."""

    lake: Lake
    decoders: Sequence[Decoder]
    rules: Sequence[CoverageRule]
    views: Sequence[str]
    days: Days


def export_tables(
    lake: Lake,
    decoders: Sequence[Decoder],
    target: Path,
    layout: ExportLayout,
    *,
    dictionary: str,
    rules: Sequence[CoverageRule] = (),
    views: Sequence[str] = (),
    days: Days | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write tables to a folder, or to the one DuckDB file that ``target`` names.

    Args:
        lake: The data folder, with a catalogue.
        decoders: Decoders of the datasets to export.
        target: A folder, or for DuckDB a file with the suffix ``.duckdb``.
        layout: The format.
        dictionary: The text that explains tables and columns.
        rules: Lateness of the datasets that are asked for by day.
        views: Views of the catalogue to export as tables, cut by dataset and day as far as they
            have columns ``dataset`` and ``request_date``.
        days: Only rows of these days; tables of things are exported whole. None for all.
        overwrite: Whether to replace an earlier export.

    Raises:
        StoreError: ``target`` holds something else, or the disk is full or not writable.
    """
    wish = _Wish(lake, decoders, rules, views, days or Days())
    report = ExportReport()
    if layout is ExportLayout.DUCKDB and target.suffix == ".duckdb":
        with new_file(lake, target, overwrite=overwrite) as path:
            _fill(wish, DuckDbFile(path), report, described=True)
        report.files = 2
        return report
    with new_folder(lake, target, overwrite=overwrite) as folder:
        manifest = _fill(
            wish, _sinks(layout, folder), report, described=layout is ExportLayout.DUCKDB
        )
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        (folder / DICTIONARY).write_text(dictionary, encoding="utf-8")
        written = sorted(folder.iterdir())
        write_checksums(folder, ((sha256_of(path), path.name) for path in written))
        report.files = len(written) + 1
    return report


def _sinks(layout: ExportLayout, folder: Path) -> Sinks:
    if layout is ExportLayout.DUCKDB:
        return DuckDbFile(folder / DUCKDB_FILE)
    return CsvFiles(folder) if layout is ExportLayout.CSV else ParquetFiles(folder)


def _fill(wish: _Wish, sinks: Sinks, report: ExportReport, *, described: bool) -> dict[str, Any]:
    """Write all tables; return the manifest. Where ``described``, a table each explains them."""
    states = days_by_state(wish.lake, wish.rules, wish.days)
    pending = pending_responses(wish.lake, [decoder.dataset for decoder in wish.decoders])
    entries = {}
    for decoder in wish.decoders:
        with held_still(wish.lake, decoder):
            for spec in decoder.tables:
                digest = TableDigest(spec)
                sink = sinks.table(spec.name, stored_schema(spec))
                for rows in sorted_rows(wish.lake, spec, wish.days):
                    sink.write(rows)
                    digest.add(rows)
                    report.rows += rows.num_rows
                sink.close()
                entries[spec.name] = table_entry(decoder.dataset, spec, digest, states)
    for view in wish.views:
        _copy_view(wish, view, sinks)
    manifest = manifest_of(entries, wish.days, pending)
    if described:
        specs = [spec for decoder in wish.decoders for spec in decoder.tables]
        _write(sinks, "data_dictionary", _described(specs))
        text = pa.table({"manifest": [json.dumps(manifest)]}, schema=_MANIFEST_SCHEMA)
        _write(sinks, "manifest", text)
    sinks.close()
    return manifest


def _copy_view(wish: _Wish, view: str, sinks: Sinks) -> None:
    with connect(wish.lake) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = connection.table(view).columns
        conditions = ["true"]
        if "dataset" in columns:
            names = ", ".join(f"'{decoder.dataset}'" for decoder in wish.decoders)
            conditions.append(f"dataset IN ({names})")
        if "request_date" in columns:
            ranges = "request_end_date" in columns
            until = "coalesce(request_end_date, request_date)" if ranges else None
            inside = wish.days.sql("request_date", until)
            conditions.append(f"(request_date IS NULL OR {inside})")
        query = f'SELECT * FROM "{view}" WHERE {" AND ".join(conditions)} ORDER BY ALL'

        def copy() -> None:
            reader = connection.sql(query).to_arrow_reader(_ROWS_AT_ONCE)
            sink = sinks.table(view, reader.schema)
            for rows in reader:
                sink.write(rows)
            sink.close()

        retrying(copy)


def _described(specs: Sequence[TableSpec]) -> pa.Table:
    rows = []
    for spec in specs:
        for field in spec.schema:
            metadata = field.metadata or {}
            texts = {text: metadata.get(text.encode(), b"").decode() for text in _TEXTS}
            row = {"table_name": spec.name, "column_name": field.name, "type": str(field.type)}
            rows.append(row | texts)
    return pa.Table.from_pylist(rows, _DICTIONARY_SCHEMA)


def _write(sinks: Sinks, name: str, rows: pa.Table) -> None:
    sink = sinks.table(name, rows.schema)
    for batch in rows.to_batches():
        sink.write(batch)
    sink.close()
