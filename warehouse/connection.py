"""Opening the catalogue for queries: its file, or the same views in memory where that cannot be.

How the catalogue is made is in ``catalogue``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from warehouse.errors import DamagedError, StoreError
from warehouse.lake import Lake

T = TypeVar("T")
FILE = "warehouse.duckdb"
STATEMENTS = "index/catalogue.json"
_TRIES = 5
# What DuckDB says of a file that was replaced while it opened it, or that is damaged.
_NOT_READ = (
    "TProtocolException",
    "don't know what type",
    "Prefetch registered for bytes outside file",
    "Could not read enough bytes",
    "too small to be a Parquet file",
    "No magic bytes found",
)
_DAMAGED = "{} is damaged ({}): remove it, and the next command makes it again"
_LOG = logging.getLogger(__name__)


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
    statements = recorded(lake.folder / STATEMENTS).get("statements")
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
    return _in_memory(statements)


def connect_unwritable(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open a data folder that cannot be written, such as a copy on a read-only disk.

    Nothing is locked, mended or brought up to date: the views show what lies there, wherever the
    folder was when they were made.

    Args:
        folder: The data folder.

    Raises:
        StoreError: there is no catalogue in it.
    """
    record = recorded(folder / STATEMENTS)
    statements, made_for = record.get("statements"), record.get("folder")
    if not statements or made_for is None:
        raise StoreError(
            f"there is no catalogue in {folder} and the folder cannot be written: make it "
            "writable, or copy it to where it is"
        )
    root = root_of(folder.resolve())
    return _in_memory([text.replace(f"'{made_for}/", f"'{root}/") for text in statements])


def _in_memory(statements: Sequence[str]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for statement in statements:
        connection.execute(statement)
    return connection


def execute(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> duckdb.DuckDBPyConnection:
    """Run a query; once more when ingestion replaced a file while DuckDB was opening it.

    DuckDB opens a Parquet file twice, by its path, for its footer and for its data. A file that is
    replaced twice in between makes the query fail (see ``overwriting``).

    Raises:
        DamagedError: a file cannot be read, however often it is tried.
        duckdb.Error: what else DuckDB says.
    """
    return retrying(lambda: connection.execute(sql, list(parameters)))


def retrying(work: Callable[[], T]) -> T:
    """Do what a query needs; again when ingestion replaced a file meanwhile, as in `execute`.

    Raises:
        DamagedError: a file cannot be read, however often it is tried.
        duckdb.Error: what else DuckDB says.
    """
    for _ in range(_TRIES - 1):
        try:
            return work()
        except duckdb.Error as error:
            if not _is_unreadable(error):
                raise
    try:
        return work()
    except duckdb.Error as error:
        if not _is_unreadable(error):
            raise
        raise DamagedError(
            f"DuckDB cannot read a stored file ({str(error).splitlines()[0]}): "
            "run givlake check --repair"
        ) from error


def _is_unreadable(error: duckdb.Error) -> bool:
    return any(sign in str(error) for sign in _NOT_READ)


def recorded(path: Path) -> dict[str, Any]:
    """Read what was noted when the catalogue was made; nothing where there is no such note."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        return {}


def root_of(folder: Path) -> str:
    """Return the folder as it stands in the views."""
    return quoted(_glob_safe(folder))


def quoted(value: Path | str) -> str:
    """Return a text to stand between the quotes of SQL."""
    return str(value).replace("'", "''")


def _glob_safe(folder: Path) -> str:
    """Keep characters of the folder's name from being read as a pattern."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(folder))
