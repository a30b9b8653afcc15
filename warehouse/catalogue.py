"""The catalogue: a DuckDB file of views, made beside and put in place whole.

It holds no data and nobody writes to it once it is published, so that analysts and ingestion never
wait for each other. The SQL of the views is in ``sql/``.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from importlib.resources import files as resource_files
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.archive.entry import INDEX_SCHEMA
from warehouse.coverage.fact import FACTS_SCHEMA
from warehouse.errors import StoreError
from warehouse.files import explained, fsync_file, sha256_of, write_atomically
from warehouse.files import publish as publish_file
from warehouse.lake import EXPECTED_FILE, EXPECTED_SCHEMA, Lake
from warehouse.ledger import ACCOUNTING_SCHEMA, DRIFT_SCHEMA, STORED_QUARANTINE_SCHEMA
from warehouse.locks import FileLock
from warehouse.tables import TableSpec
from warehouse.tables.files import SCHEMA_FILE, stored_schema
from warehouse.tables.files import write as write_table

T = TypeVar("T")
FILE = "warehouse.duckdb"
_TRIES = 5
_REPLACED_WHILE_OPENING = (
    "TProtocolException",
    "don't know what type",
    "Prefetch registered for bytes outside file",
    "Could not read enough bytes",
    "too small to be a Parquet file",
)
_DAMAGED = "{} is damaged ({}): remove it, and the next command makes it again"
_DATABASE_MAGIC_AT, _DATABASE_MAGIC = 8, b"DUCK"
_LOG = logging.getLogger(__name__)
_STATEMENTS = "index/catalogue.json"
# Derived stores: the file without rows that lets their views exist before any data.
_EMPTY = {
    f"index/requests/{SCHEMA_FILE}": INDEX_SCHEMA,
    f"index/coverage/{SCHEMA_FILE}": FACTS_SCHEMA,
    f"index/quarantine/{SCHEMA_FILE}": STORED_QUARANTINE_SCHEMA,
    f"index/drift/{SCHEMA_FILE}": DRIFT_SCHEMA,
    f"index/row_accounting/{SCHEMA_FILE}": ACCOUNTING_SCHEMA,
    EXPECTED_FILE: EXPECTED_SCHEMA,
}
_COLUMNS = {
    "requests": INDEX_SCHEMA,
    "quarantine": STORED_QUARANTINE_SCHEMA,
    "drift": DRIFT_SCHEMA,
    "row_accounting": ACCOUNTING_SCHEMA,
}


def publish(lake: Lake, tables: Sequence[TableSpec]) -> bool:
    """Make the catalogue, if it is missing or its views have changed (or the folder has moved).

    Args:
        lake: The data folder.
        tables: Every table.

    Returns:
        Whether a new catalogue was put in place.

    Raises:
        StoreError: the disk is full or not writable.
    """
    statements = view_statements(lake.folder, tables)
    known = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    record = lake.folder / _STATEMENTS
    with (
        explained("Publishing the catalogue in", lake.folder),
        FileLock(lake.folder / "locks" / "catalogue"),
    ):
        _ensure_empty_files(lake, tables)
        target = lake.folder / FILE
        if _is_database(target) and _recorded(record).get("sha256") == known:
            return False
        temporary = lake.scratch / FILE
        temporary.unlink(missing_ok=True)
        with duckdb.connect() as connection:
            quoted = _quoted(temporary)
            connection.execute(f"ATTACH '{quoted}' AS made (STORAGE_VERSION 'v1.0.0')")
            connection.execute("USE made")
            for statement in statements:
                connection.execute(statement)
            connection.execute("USE memory")
            connection.execute("DETACH made")
        fsync_file(temporary)
        temporary.chmod(0o600)
        file_sha256 = sha256_of(temporary)
        publish_file(temporary, target)
        # What a client that had the old file open for writing left would be read into the new.
        target.with_name(f"{FILE}.wal").unlink(missing_ok=True)
        text = json.dumps(
            {"sha256": known, "file_sha256": file_sha256, "statements": statements}, indent=1
        )
        write_atomically(record, text.encode(), lake.scratch)
    return True


def connect(lake: Lake, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open the catalogue for queries.

    A client that holds the file open for writing (the ``duckdb`` command line's default) locks
    others out of it; then, or if the file is damaged, the same views are made in memory instead.

    Args:
        lake: The data folder.
        read_only: False opens views in memory beside which the session may make tables.

    Raises:
        StoreError: there is no catalogue yet.
    """
    statements = _recorded(lake.folder / _STATEMENTS).get("statements")
    path = lake.folder / FILE
    if not statements or not path.exists():
        raise StoreError(
            f"there is no catalogue in {lake.folder} yet: ingest something first, or rebuild"
        )
    if read_only:
        try:
            return duckdb.connect(path, read_only=True)
        except duckdb.Error as error:
            if "lock" not in str(error).lower():
                _LOG.warning(_DAMAGED.format(path, str(error).splitlines()[0][:120]))
    connection = duckdb.connect()
    for statement in statements:
        connection.execute(statement)
    return connection


def damage_of(lake: Lake, *, mend: bool = False) -> str | None:
    """Say in a sentence if the catalogue is not what was published; ``mend`` removes it then.

    A client that had it open for writing may have changed it as well.
    """
    path = lake.folder / FILE
    known = _recorded(lake.folder / _STATEMENTS).get("file_sha256")
    with FileLock(lake.folder / "locks" / "catalogue"):
        if not path.exists() or known in (None, sha256_of(path)):
            return None
        if mend:
            path.unlink()
    return f"{FILE} is not what givlake wrote: it is made again when it has been removed"


def execute(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> duckdb.DuckDBPyConnection:
    """Run a query; once more when ingestion replaced a file while DuckDB was opening it.

    DuckDB opens a Parquet file twice, by its path, for its footer and for its data. A file that is
    replaced in between makes the query fail (it was never seen to give wrong rows).

    Raises:
        duckdb.Error: what DuckDB says, after several tries where trying again may help.
    """
    return retrying(lambda: connection.execute(sql, list(parameters)))


def retrying(work: Callable[[], T]) -> T:
    """Do what a query needs; again when ingestion replaced a file meanwhile, as in `execute`.

    Raises:
        duckdb.Error: what DuckDB says, after several tries where trying again may help.
    """
    for _ in range(_TRIES - 1):
        try:
            return work()
        except duckdb.Error as error:
            if not any(sign in str(error) for sign in _REPLACED_WHILE_OPENING):
                raise
    return work()


def view_statements(folder: Path, tables: Sequence[TableSpec]) -> list[str]:
    """Return the SQL that makes every view and its comments, over files below ``folder``."""
    root = _quoted(_glob_safe(folder))
    statements: list[str] = []
    for spec in tables:
        columns = ", ".join(f'"{name}"' for name in spec.schema.names)
        for view, template, description in (
            (spec.name, "table", spec.description),
            (
                f"{spec.name}_superseded",
                "superseded",
                f"Versions of rows of {spec.name} that do not stand, one per key and content.",
            ),
        ):
            sql = _sql(template).format(folder=root, table=spec.name, columns=columns)
            statements += _view(view, sql, description, spec.schema)
    for name in ("requests", "quarantine", "drift", "row_accounting", "coverage"):
        sql = _sql(name)
        comment = " ".join(
            line.removeprefix("--").strip() for line in sql.splitlines() if line.startswith("--")
        )
        body = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
        schema = _COLUMNS.get(name, pa.schema([]))
        statements += _view(name, body.format(folder=root), comment, schema)
    return statements


def _view(name: str, sql: str, description: str, schema: pa.Schema) -> list[str]:
    statements = [
        f'CREATE OR REPLACE VIEW "{name}" AS {sql.strip()}',
        f"COMMENT ON VIEW \"{name}\" IS '{_quoted(description)}'",
    ]
    for column in schema:
        metadata = column.metadata or {}
        words = [metadata[key].decode() for key in (b"title", b"description") if key in metadata]
        if words:
            comment = _quoted(": ".join(words))
            statements.append(f'COMMENT ON COLUMN "{name}"."{column.name}" IS \'{comment}\'')
    return statements


def _sql(name: str) -> str:
    return resource_files("warehouse").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def _quoted(value: Path | str) -> str:
    return str(value).replace("'", "''")


def _glob_safe(folder: Path) -> str:
    """Keep characters of the folder's name from being read as a pattern."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(folder))


def _recorded(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        return {}


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_DATABASE_MAGIC_AT + len(_DATABASE_MAGIC))
    except FileNotFoundError:
        return False
    return head[_DATABASE_MAGIC_AT:] == _DATABASE_MAGIC


def _ensure_empty_files(lake: Lake, tables: Sequence[TableSpec]) -> None:
    temporary = lake.scratch / "empty"
    for name, schema in _EMPTY.items():
        path = lake.folder / name
        if not path.exists():
            rows = schema.empty_table()
        elif name == EXPECTED_FILE and not _has_schema(path, schema):
            rows = _expectations_anew(lake)
        else:
            continue
        pq.write_table(rows, temporary)
        _place(temporary, path)
    for spec in tables:
        for folder, versions in ((spec.folder, False), (spec.superseded_folder, True)):
            path = lake.folder / folder / SCHEMA_FILE
            if not path.exists():
                schema = stored_schema(spec, versions=versions)
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
            f"{EXPECTED_FILE} is damaged and was emptied: the next backfill or sync fills it again"
        )
        return EXPECTED_SCHEMA.empty_table()


def _place(temporary: Path, target: Path) -> None:
    fsync_file(temporary)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    publish_file(temporary, target)
