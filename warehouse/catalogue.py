"""The catalogue: a DuckDB file of views, written to a temporary file and published atomically.

It holds no data and is never written to once published, so that analysts and ingestion never
wait for each other. The SQL of the views is in `sql/`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import owner_inputs
from warehouse.accounting.drift import DRIFT_SCHEMA
from warehouse.accounting.finding_store import FINDINGS_FILE, FINDINGS_SCHEMA
from warehouse.accounting.quarantine import STORED_QUARANTINE_SCHEMA
from warehouse.accounting.row_accounting import ACCOUNTING_SCHEMA
from warehouse.archive.entry import INDEX_SCHEMA
from warehouse.attached_database import FILE, attached
from warehouse.catalogue_location import located, root_of
from warehouse.connection import (
    STATEMENTS,
    own_file,
    recorded,
    without_comments,
    write_views,
)
from warehouse.coverage import day_evidence, fact_store
from warehouse.coverage.coverage_fact import FACTS_SCHEMA
from warehouse.index import request_index
from warehouse.index.watermarks import FOLDER as WATERMARKS
from warehouse.index.watermarks import WATERMARK_SCHEMA
from warehouse.interface.table_spec import TableSpec
from warehouse.interface.view_spec import ViewSpec
from warehouse.lake import EXPECTED_FILE, EXPECTED_SCHEMA, Lake
from warehouse.owner_damage import recast
from warehouse.standard_views import system_views, table_views
from warehouse.storage.atomic_files import explained, fsync_file, sha256_of, write_atomically
from warehouse.storage.atomic_files import publish as publish_file
from warehouse.storage.file_locks import FileLock
from warehouse.storage.parquet_files import empty_table
from warehouse.tables.partition_files import SCHEMA_FILE, stored_schema
from warehouse.tables.partition_files import write as write_table

_DATABASE_MAGIC_AT, _DATABASE_MAGIC = 8, b"DUCK"
_LOG = logging.getLogger(__name__)
# The files of derived stores as the views name them, and their columns.
_EMPTY = {
    f"{request_index.FOLDER}/*.parquet": INDEX_SCHEMA,
    f"{fact_store.FOLDER}/*.parquet": FACTS_SCHEMA,
    f"{day_evidence.FOLDER}/*.parquet": day_evidence.EVIDENCE_SCHEMA,
    "index/quarantine/**/*.parquet": STORED_QUARANTINE_SCHEMA,
    "index/drift/*.parquet": DRIFT_SCHEMA,
    "index/row_accounting/**/*.parquet": ACCOUNTING_SCHEMA,
    f"{WATERMARKS}/*.parquet": WATERMARK_SCHEMA,
    EXPECTED_FILE: EXPECTED_SCHEMA,
    FINDINGS_FILE: FINDINGS_SCHEMA,
}


def publish(
    lake: Lake,
    tables: Sequence[TableSpec],
    views: Sequence[ViewSpec] = (),
    *,
    is_temporary: bool = False,
) -> bool:
    """Create the catalogue if it is missing, its views have changed, or the folder has moved.

    Args:
        lake: The data folder.
        tables: Every table.
        views: Views in addition to those of the tables; each may use these and those before it.
        is_temporary: Whether only givlake reads the folder, which is removed again.

    Returns:
        Whether a new catalogue was published.

    Raises:
        StoreError: The disk is full or not writable.
    """
    statements = view_statements(lake.folder, tables, views)
    own = without_comments(statements)
    # Their files must have the columns that the views name.
    request_index.renew(lake)
    fact_store.renew(lake)
    with (
        explained("Publishing the catalogue in", lake.folder),
        FileLock(lake.folder / "locks" / "catalogue"),
    ):
        if is_temporary:
            _ensure_empty_files(lake, tables, replace=False, durable=False)
            _publish_database(lake, own_file(lake.folder), own)
            return True
        current = flaw_of(lake.folder, statements) is None
        _ensure_empty_files(lake, tables, replace=not current)
        if current and _opens(own_file(lake.folder)):
            return False
        _publish_database(lake, own_file(lake.folder), own)
        for other in own_file(lake.folder).parent.iterdir():
            if other != own_file(lake.folder):
                other.unlink()  # of where the folder was before it was moved or copied
        file_sha256 = _publish_database(lake, lake.folder / FILE, located(statements, lake.folder))
        # A client that had the old file open for writing may have left one, which would be applied.
        (lake.folder / f"{FILE}.wal").unlink(missing_ok=True)
        text = json.dumps(
            {
                "sha256": _sha256(lake.folder, statements),
                "file_sha256": file_sha256,
                "folder": str(lake.folder),
                "statements": statements,
            },
            indent=1,
        )
        write_atomically(lake.folder / STATEMENTS, text.encode(), lake.scratch)
    return True


def _publish_database(lake: Lake, target: Path, statements: Sequence[str]) -> str:
    """Create a database of views in place of another one; return the hash of its file."""
    temporary = lake.scratch / FILE
    write_views(temporary, statements)
    # The allocator keeps what DuckDB needed for the descriptions and has freed.
    pa.default_memory_pool().release_unused()
    fsync_file(temporary)
    temporary.chmod(0o600)
    file_sha256 = sha256_of(temporary)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    publish_file(temporary, target)
    return file_sha256


def flaw_of(folder: Path, statements: Sequence[str]) -> str | None:
    """Return why the published catalogue lacks these views; None if it has them."""
    if not (folder / FILE).exists():
        return f"{FILE} is missing"
    if not _is_database(folder / FILE):
        return f"{FILE} is damaged"
    noted = recorded(folder / STATEMENTS)
    if noted.get("sha256") == _sha256(folder, statements):
        return None
    if noted.get("folder", "") not in ("", str(folder), root_of(folder)):
        return f"the folder was moved or copied from {noted['folder']}, and {FILE} is of that one"
    return f"{FILE} was created by another version of givlake"


def _sha256(folder: Path, statements: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(located(statements, folder)).encode()).hexdigest()


def damage_of(lake: Lake, *, repair: bool = False) -> str | None:
    """Return a message if the catalogue differs from what was published; `repair` removes it.

    A client that had it open for writing may have changed it as well.
    """
    path = lake.folder / FILE
    known = recorded(lake.folder / STATEMENTS).get("file_sha256")
    with FileLock(lake.folder / "locks" / "catalogue", read_only=not repair):
        if not path.exists() or known in (None, sha256_of(path)):
            return None
        if repair:
            path.unlink()
    return f"{FILE} differs from what givlake wrote: remove it, then run `givlake build`"


def view_statements(
    folder: Path, tables: Sequence[TableSpec], views: Sequence[ViewSpec] = ()
) -> list[str]:
    """Return the SQL that creates every view and its comments, over files below `folder`.

    DuckDB binds the whole query of a view when it is created, with the queries of the views that it
    reads, which takes seconds where views read views. So each view is created while those that it
    reads are empty ones of the same columns, which are replaced after it.
    """
    specs = [*system_views(folder), *table_views(folder, tables), *views]
    macros = [spec for spec in specs if spec.parameters]
    plain = [spec for spec in specs if not spec.parameters]
    return [
        *(spec.create_empty for spec in plain),
        *(spec.create for spec in macros),
        *(spec.create for spec in reversed(plain)),
        *(comment for spec in specs for comment in spec.comments),
    ]


def _opens(own: Path) -> bool:
    """Return whether givlake's own catalogue is there and whole; it stays open for queries."""
    if not own.exists():
        return False
    try:
        with attached(own, stays_open=True):
            return True
    except duckdb.Error:
        return False


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_DATABASE_MAGIC_AT + len(_DATABASE_MAGIC))
    except FileNotFoundError:
        return False
    return head[_DATABASE_MAGIC_AT:] == _DATABASE_MAGIC


@dataclass(frozen=True, slots=True)
class EmptyFile:
    """A file without rows, which lets views exist before any data.

    Attributes:
        name: The file, below the data folder.
        files: The files among which views read it, as a pattern.
        schema: Its columns.
        spec: The table that it belongs to, if it belongs to one.
        owner_input: The input of the owner that it is, if it is one; it is never replaced.
    """

    name: str
    files: str
    schema: pa.Schema
    spec: TableSpec | None = None
    owner_input: str | None = None

    @property
    def has_rows(self) -> bool:
        """Whether it has rows of its own, so its damage matters to a current catalogue as well."""
        return self.owner_input is not None or self.name == EXPECTED_FILE

    def fits(self, folder: Path) -> bool:
        """Return whether the file in a data folder has the columns that the views name.

        What the owner told is read whole.

        Raises:
            StoreError: This user may not read it.
        """
        if self.owner_input is not None:
            return owner_inputs.fits(folder, self.owner_input)
        try:
            return bool(pq.read_schema(folder / self.name).equals(self.schema))
        except (OSError, pa.ArrowException):
            return False

    def write(self, path: Path) -> None:
        """Write such a file."""
        rows = empty_table(self.schema)
        if self.spec is None:
            pq.write_table(rows, path)
        else:
            write_table(path, self.spec, rows)


def empty_files(tables: Sequence[TableSpec]) -> Iterator[EmptyFile]:
    """List the files without rows that the views of tables need."""
    for pattern, schema in _EMPTY.items():
        folder, _, files = pattern.partition("/*")
        yield EmptyFile(f"{folder}/{SCHEMA_FILE}" if files else folder, pattern, schema)
    for name, schema in owner_inputs.SCHEMAS.items():
        file = owner_inputs.file_name(name)
        yield EmptyFile(file, file, schema, owner_input=name)
    for spec in tables:
        for folder, versions in spec.folders:
            schema = stored_schema(spec, versions=versions)
            yield EmptyFile(f"{folder}/{SCHEMA_FILE}", f"{folder}/**/*.parquet", schema, spec)


def _ensure_empty_files(
    lake: Lake, tables: Sequence[TableSpec], *, replace: bool, durable: bool = True
) -> None:
    """Create missing files without rows; with `replace` also those that have other columns.

    Files with rows of their own that are damaged or have other columns are always recast.
    """
    temporary = lake.scratch / "empty"
    for empty in empty_files(tables):
        path = lake.folder / empty.name
        if path.exists() and (not (replace or empty.has_rows) or empty.fits(lake.folder)):
            continue
        if empty.owner_input is not None and path.exists():
            recast(lake, empty.owner_input)
            continue
        if empty.name == EXPECTED_FILE and path.exists():
            pq.write_table(_recast_expected_days(lake), temporary)
        else:
            empty.write(temporary)
        if durable:
            fsync_file(temporary)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        publish_file(temporary, path, durable=durable)


def _recast_expected_days(lake: Lake) -> pa.Table:
    """Read expected days that an older givlake wrote with fewer columns; no rows if damaged."""
    try:
        return lake.expected()
    except (OSError, pa.ArrowException):
        _LOG.warning(
            f"{EXPECTED_FILE} is damaged and was emptied; it is restored from the device lists"
        )
        return empty_table(EXPECTED_SCHEMA)
