"""Export of tables, with a manifest for verification and a data dictionary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.connection import connect, retrying
from warehouse.coverage import CoverageRule
from warehouse.export.sinks import DUCKDB_FILE, CsvFiles, DuckDbFile, ParquetFiles, Sinks
from warehouse.export.target import new_file, new_folder, write_checksums
from warehouse.index.watermarks import pending_responses
from warehouse.interface.decoder_protocol import Decoder
from warehouse.interface.device_limit import DeviceLimit
from warehouse.interface.table_spec import VALID_TO, TableSpec
from warehouse.interface.view_spec import ViewSpec
from warehouse.lake import Lake
from warehouse.storage.arrow_fields import arrow_field
from warehouse.storage.atomic_files import sha256_of
from warehouse.tables.partition_files import stored_schema
from warehouse.verification.canonical_form import Days, TableDigest, sorted_rows
from warehouse.verification.manifest import (
    days_by_state,
    locked_tables,
    manifest_document,
    table_entry,
)

MANIFEST = "manifest.json"
DICTIONARY = "data-dictionary.md"
_ROWS_AT_ONCE = 10_000
_TEXTS = ("title", "description")
_DICTIONARY_SCHEMA = pa.schema(
    [
        arrow_field("table_name", pa.string(), "Table"),
        arrow_field("column_name", pa.string(), "Column"),
        arrow_field("type", pa.string(), "Arrow type of the column"),
        arrow_field("title", pa.string(), "Title"),
        arrow_field("description", pa.string(), "Description"),
    ]
)
_MANIFEST_SCHEMA = pa.schema([arrow_field("manifest", pa.string(), "JSON")])


class ExportLayout(StrEnum):
    """The format of exported tables."""

    PARQUET = "parquet"
    CSV = "csv"
    DUCKDB = "duckdb"


@dataclass(slots=True)
class ExportReport:
    """The result of an export.

    Attributes:
        files: Number of files, including checksums, manifest and dictionary.
        rows: Number of table rows, or of responses in an export of bodies.
    """

    files: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class _ExportRequest:
    """The data to export."""

    lake: Lake
    decoders: Sequence[Decoder]
    rules: Sequence[CoverageRule]
    copied_views: Sequence[str]
    views: Sequence[ViewSpec]
    days: Days
    devices: DeviceLimit


def export_tables(
    lake: Lake,
    decoders: Sequence[Decoder],
    target: Path,
    layout: ExportLayout,
    *,
    dictionary: str,
    rules: Sequence[CoverageRule] = (),
    copied_views: Sequence[str] = (),
    views: Sequence[ViewSpec] = (),
    days: Days | None = None,
    devices: DeviceLimit | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write tables to a folder, or to a single DuckDB file.

    Args:
        lake: The data folder, with a catalogue.
        decoders: Decoders of the datasets to export.
        target: A folder, or for DuckDB a file with the suffix `.duckdb`.
        layout: The format.
        dictionary: Text of the data dictionary.
        rules: Coverage rules of the daily datasets.
        copied_views: Views of the catalogue to export as tables, filtered by dataset, device and
            day if they have the columns `dataset`, `device_id` and `request_date`.
        views: Views over the tables, for DuckDB only; those that read others are left out.
        days: Only rows of these days; tables of entities are exported whole. None for all.
        devices: Only rows about these devices; None for all.
        overwrite: Whether to replace an earlier export.

    Raises:
        StoreError: `target` contains something else, or the disk is full or not writable.
    """
    request = _ExportRequest(
        lake, decoders, rules, copied_views, views, days or Days(), devices or DeviceLimit()
    )
    report = ExportReport()
    if layout is ExportLayout.DUCKDB and target.suffix == ".duckdb":
        with new_file(lake, target, overwrite=overwrite) as path:
            _write_tables(request, DuckDbFile(path), report)
        report.files = 2
        return report
    with new_folder(lake, target, overwrite=overwrite) as folder:
        manifest = _write_tables(request, _sinks(layout, folder), report)
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


def _write_tables(request: _ExportRequest, sinks: Sinks, report: ExportReport) -> dict[str, Any]:
    """Write all tables, to DuckDB also views, manifest and dictionary; return the manifest."""
    states = days_by_state(request.lake, request.rules, request.days, request.devices)
    pending = pending_responses(request.lake, [decoder.dataset for decoder in request.decoders])
    entries = {}
    for decoder in request.decoders:
        with locked_tables(request.lake, decoder):
            for spec in decoder.tables:
                digest = TableDigest(spec)
                sink = sinks.table(spec.name, stored_schema(spec), spec.description)
                condition = request.devices.table_condition(spec.name)
                for rows in sorted_rows(request.lake, spec, request.days, condition):
                    sink.write(rows)
                    digest.add(rows)
                    report.rows += rows.num_rows
                sink.close()
                entries[spec.name] = table_entry(decoder.dataset, spec, digest, states)
    for view in request.copied_views:
        _copy_view(request, view, sinks)
    manifest = manifest_document(entries, request.days, pending, request.devices.device_ids)
    if isinstance(sinks, DuckDbFile):
        specs = [spec for decoder in request.decoders for spec in decoder.tables]
        for view_spec in [*map(_now_view, specs), *request.views]:
            if view_spec is not None:
                sinks.add_view(view_spec)
        _write(
            sinks,
            "data_dictionary",
            _dictionary_rows(specs),
            "Every column of the tables: its type, title and description.",
        )
        _write(
            sinks,
            "manifest",
            pa.table({"manifest": [json.dumps(manifest)]}, schema=_MANIFEST_SCHEMA),
            "Content of this file as JSON, with hashes of the rows; see docs/verify.md of givlake.",
        )
    sinks.close()
    return manifest


def _now_view(spec: TableSpec) -> ViewSpec | None:
    """Return the view of the current versions of a table with a history."""
    if spec.history is None:
        return None
    return ViewSpec(
        name=spec.version_view,
        sql=f'SELECT * FROM "{spec.name}" WHERE {VALID_TO} IS NULL',
        description=f"The current version of each entity in {spec.name}.",
        schema=spec.schema,
    )


def _copy_view(request: _ExportRequest, view: str, sinks: Sinks) -> None:
    with connect(request.lake, as_published=True) as connection:  # for the comments
        connection.execute("SET TimeZone = 'UTC'")
        columns = connection.table(view).columns
        conditions = [request.devices.view_condition(columns)]
        if "dataset" in columns:
            names = ", ".join(f"'{decoder.dataset}'" for decoder in request.decoders)
            conditions.append(f"dataset IN ({names})")
        if "request_date" in columns:
            has_ranges = "request_end_date" in columns
            until = "coalesce(request_end_date, request_date)" if has_ranges else None
            in_range = request.days.sql("request_date", until)
            conditions.append(f"(request_date IS NULL OR {in_range})")
        query = f'SELECT * FROM "{view}" WHERE {" AND ".join(conditions)} ORDER BY ALL'
        description, comments = _comments(connection, view)

        def copy() -> None:
            reader = connection.sql(query).to_arrow_reader(_ROWS_AT_ONCE)
            schema = pa.schema(
                field.with_metadata({"description": comments.get(field.name, "")})
                for field in reader.schema
            )
            sink = sinks.table(view, schema, description)
            for rows in reader:
                sink.write(rows)
            sink.close()

        retrying(copy)


def _comments(connection: duckdb.DuckDBPyConnection, view: str) -> tuple[str, dict[str, str]]:
    """Return the comments of a view of the catalogue and of its columns."""
    ((description,),) = connection.execute(
        "SELECT comment FROM duckdb_views()"
        " WHERE database_name = current_database() AND view_name = ?",
        [view],
    ).fetchall()
    columns = connection.execute(
        "SELECT column_name, comment FROM duckdb_columns()"
        " WHERE database_name = current_database() AND table_name = ? AND comment IS NOT NULL",
        [view],
    ).fetchall()
    return description or "", dict(columns)


def _dictionary_rows(specs: Sequence[TableSpec]) -> pa.Table:
    rows = []
    for spec in specs:
        for field in spec.schema:
            metadata = field.metadata or {}
            texts = {text: metadata.get(text.encode(), b"").decode() for text in _TEXTS}
            row = {"table_name": spec.name, "column_name": field.name, "type": str(field.type)}
            rows.append(row | texts)
    return pa.Table.from_pylist(rows, _DICTIONARY_SCHEMA)


def _write(sinks: Sinks, name: str, rows: pa.Table, description: str) -> None:
    sink = sinks.table(name, rows.schema, description)
    for batch in rows.to_batches():
        sink.write(batch)
    sink.close()
