"""The catalogue: a DuckDB file of views, made beside and put in place whole.

It holds no data and nobody writes to it once it is published, so that analysts and ingestion never
wait for each other. The SQL of the views is in ``sql/``.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resource_files
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.accounting.drift import DRIFT_SCHEMA
from warehouse.accounting.quarantine import STORED_QUARANTINE_SCHEMA
from warehouse.accounting.row_accounting import ACCOUNTING_SCHEMA
from warehouse.archive.entry import INDEX_SCHEMA
from warehouse.connection import FILE, STATEMENTS, quoted, recorded, root_of
from warehouse.coverage import fact_store
from warehouse.coverage.coverage_fact import FACTS_SCHEMA
from warehouse.index import request_index
from warehouse.index.watermarks import FOLDER as WATERMARKS
from warehouse.index.watermarks import WATERMARK_SCHEMA
from warehouse.interface.table_spec import TableSpec
from warehouse.lake import EXPECTED_FILE, EXPECTED_SCHEMA, Lake
from warehouse.storage.atomic_files import explained, fsync_file, sha256_of, write_atomically
from warehouse.storage.atomic_files import publish as publish_file
from warehouse.storage.locks import FileLock
from warehouse.tables.partition_files import SCHEMA_FILE, stored_schema
from warehouse.tables.partition_files import write as write_table

_DATABASE_MAGIC_AT, _DATABASE_MAGIC = 8, b"DUCK"
_LOG = logging.getLogger(__name__)
# Derived stores: the file without rows that lets their views exist before any data.
_EMPTY = {
    f"index/requests/{SCHEMA_FILE}": INDEX_SCHEMA,
    f"index/coverage/{SCHEMA_FILE}": FACTS_SCHEMA,
    f"index/quarantine/{SCHEMA_FILE}": STORED_QUARANTINE_SCHEMA,
    f"index/drift/{SCHEMA_FILE}": DRIFT_SCHEMA,
    f"index/row_accounting/{SCHEMA_FILE}": ACCOUNTING_SCHEMA,
    f"{WATERMARKS}/{SCHEMA_FILE}": WATERMARK_SCHEMA,
    EXPECTED_FILE: EXPECTED_SCHEMA,
}
_COLUMNS = {
    "requests": INDEX_SCHEMA,
    "pending_responses": INDEX_SCHEMA,
    "quarantine": STORED_QUARANTINE_SCHEMA,
    "drift": DRIFT_SCHEMA,
    "row_accounting": ACCOUNTING_SCHEMA,
}


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """A view over other views, or over nothing: its name, its SELECT, and what it is for people.

    ``schema`` gives its columns' titles and descriptions.
    """

    name: str
    sql: str
    description: str
    schema: pa.Schema


def publish(lake: Lake, tables: Sequence[TableSpec], views: Sequence[ViewSpec] = ()) -> bool:
    """Make the catalogue, if it is missing or its views have changed (or the folder has moved).

    Args:
        lake: The data folder.
        tables: Every table.
        views: What stands beside the tables; each may use the tables' views and those before it.

    Returns:
        Whether a new catalogue was put in place.

    Raises:
        StoreError: the disk is full or not writable.
    """
    statements = view_statements(lake.folder, tables, views)
    known = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    record, target = lake.folder / STATEMENTS, lake.folder / FILE

    def is_current() -> bool:
        noted = recorded(record)
        return _is_database(target) and noted.get("sha256") == known and "folder" in noted

    # Their files must have the columns that the views name.
    request_index.renew(lake)
    fact_store.renew(lake)
    with (
        explained("Publishing the catalogue in", lake.folder),
        FileLock(lake.folder / "locks" / "catalogue"),
    ):
        current = is_current()
        _ensure_empty_files(lake, tables, anew=not current)
        if current:
            return False
        temporary = lake.scratch / FILE
        temporary.unlink(missing_ok=True)
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{quoted(temporary)}' AS made (STORAGE_VERSION 'v1.0.0')")
            connection.execute("USE made")
            # One transaction: the disk is waited for once, not with every statement.
            connection.begin()
            for statement in statements:
                connection.execute(statement)
            connection.commit()
            connection.execute("USE memory")
            connection.execute("DETACH made")
        fsync_file(temporary)
        temporary.chmod(0o600)
        file_sha256 = sha256_of(temporary)
        publish_file(temporary, target)
        # What a client that had the old file open for writing left would be read into the new.
        target.with_name(f"{FILE}.wal").unlink(missing_ok=True)
        text = json.dumps(
            {
                "sha256": known,
                "file_sha256": file_sha256,
                "folder": root_of(lake.folder),
                "statements": statements,
            },
            indent=1,
        )
        write_atomically(record, text.encode(), lake.scratch)
    return True


def damage_of(lake: Lake, *, mend: bool = False) -> str | None:
    """Say in a sentence if the catalogue is not what was published; ``mend`` removes it then.

    A client that had it open for writing may have changed it as well.
    """
    path = lake.folder / FILE
    known = recorded(lake.folder / STATEMENTS).get("file_sha256")
    with FileLock(lake.folder / "locks" / "catalogue"):
        if not path.exists() or known in (None, sha256_of(path)):
            return None
        if mend:
            path.unlink()
    return f"{FILE} is not what givlake wrote: it is made again when it has been removed"


def view_statements(
    folder: Path, tables: Sequence[TableSpec], views: Sequence[ViewSpec] = ()
) -> list[str]:
    """Return the SQL that makes every view and its comments, over files below ``folder``."""
    root = root_of(folder)
    statements: list[str] = []
    for spec in tables:
        columns = ", ".join(f'"{name}"' for name in spec.schema.names)
        for view, template, description in (
            (spec.name, "table", spec.description),
            (
                f"{spec.name}_superseded",
                "superseded",
                f"Versions of rows of {spec.name} that do not stand, one per key and content.",
            )
            if spec.history is None
            else (
                f"{spec.name}_now",
                "now",
                f"The present version of each thing in {spec.name}.",
            ),
        ):
            sql = _sql(template).format(folder=root, table=spec.name, columns=columns)
            # Its columns are those of the table, where they are described; a description each
            # here as well would make the catalogue slow to make.
            described = spec.schema if view == spec.name else pa.schema([])
            statements += _view(view, sql, description, described)
    for name in (*_COLUMNS, "coverage"):
        sql = _sql(name)
        comment = " ".join(
            line.removeprefix("--").strip() for line in sql.splitlines() if line.startswith("--")
        )
        body = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
        schema = _COLUMNS.get(name, pa.schema([]))
        statements += _view(name, body.format(folder=root), comment, schema)
    for beside in views:
        statements += _view(beside.name, beside.sql, beside.description, beside.schema)
    return statements


def _view(name: str, sql: str, description: str, schema: pa.Schema) -> list[str]:
    statements = [
        f'CREATE OR REPLACE VIEW "{name}" AS {sql.strip()}',
        f"COMMENT ON VIEW \"{name}\" IS '{quoted(description)}'",
    ]
    for column in schema:
        metadata = column.metadata or {}
        words = [metadata[key].decode() for key in (b"title", b"description") if key in metadata]
        if words:
            comment = quoted(": ".join(words))
            statements.append(f'COMMENT ON COLUMN "{name}"."{column.name}" IS \'{comment}\'')
    return statements


@cache
def _sql(name: str) -> str:
    return resource_files("warehouse").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_DATABASE_MAGIC_AT + len(_DATABASE_MAGIC))
    except FileNotFoundError:
        return False
    return head[_DATABASE_MAGIC_AT:] == _DATABASE_MAGIC


def _ensure_empty_files(lake: Lake, tables: Sequence[TableSpec], *, anew: bool) -> None:
    """Make the files without rows that are missing; ``anew`` also those of other columns."""
    temporary = lake.scratch / "empty"
    for name, schema in _EMPTY.items():
        path = lake.folder / name
        if not path.exists():
            rows = schema.empty_table()
        elif name == EXPECTED_FILE and not _has_schema(path, schema):
            rows = _expectations_anew(lake)
        elif anew and not _has_schema(path, schema):
            rows = schema.empty_table()
        else:
            continue
        pq.write_table(rows, temporary)
        _place(temporary, path)
    for spec in tables:
        for folder, versions in spec.folders:
            path = lake.folder / folder / SCHEMA_FILE
            schema = stored_schema(spec, versions=versions)
            if not path.exists() or (anew and not _has_schema(path, schema)):
                write_table(temporary, spec, schema.empty_table())
                _place(temporary, path)


def _has_schema(path: Path, schema: pa.Schema) -> bool:
    try:
        return bool(pq.read_schema(path).equals(schema))
    except pa.ArrowException:
        return False


def _expectations_anew(lake: Lake) -> pa.Table:
    """Read expectations that an older givlake wrote with fewer columns; damaged ones are none."""
    try:
        return lake.expected()
    except (OSError, pa.ArrowException):
        _LOG.warning(
            f"{EXPECTED_FILE} is damaged and was emptied: the lists of devices fill it again"
        )
        return EXPECTED_SCHEMA.empty_table()


def _place(temporary: Path, target: Path) -> None:
    fsync_file(temporary)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    publish_file(temporary, target)
