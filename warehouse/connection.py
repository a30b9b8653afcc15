"""Open the catalogue for queries: its file, or a copy of its views if that cannot be opened.

`catalogue` creates it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from warehouse.attached_database import FILE, attached
from warehouse.errors import DamagedError, StoreError

if TYPE_CHECKING:
    import pyarrow as pa

    from warehouse.lake import Lake

T = TypeVar("T")
STATEMENTS = "index/catalogue.json"
OWN_FOLDER = "index/catalogue"
_TRIES = 5
# DuckDB keeps a copy of a view for each of its descriptions until the end of a transaction.
_STATEMENTS_AT_ONCE = 300
# What DuckDB says of a file that was replaced while it opened it, or that is damaged.
_NOT_READ = (
    "TProtocolException",
    "don't know what type",
    "Prefetch registered for bytes outside file",
    "Could not read enough bytes",
    "too small to be a Parquet file",
    "No magic bytes found",
)
_DAMAGED = "{} is damaged ({}): run givlake check --repair"
_LOG = logging.getLogger(__name__)
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result makes an extra copy")


@contextmanager
def connect(lake: Lake, *, as_published: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the catalogue for queries; nothing can be written through it.

    givlake queries a catalogue of its own, of the same views without their descriptions and without
    the question of where the file is, which takes a fifth of a query's time.

    A client that holds the published file open for writing (the `duckdb` command line's default)
    locks others out of it; then, or if it is damaged, the other file is opened. If both are, or
    where the lake has views of its own, a catalogue is created in the scratch folder.

    Args:
        lake: The data folder.
        as_published: Whether to open the published file, for queries of others.

    Raises:
        StoreError: There is no catalogue yet.
    """
    with ExitStack() as opened:
        statements = lake.own_views()
        if statements is None:
            published, own = lake.folder / FILE, own_file(lake.folder)
            for path in (published, own) if as_published else (own, published):
                if not path.exists():
                    continue
                try:
                    connection = opened.enter_context(attached(path, stays_open=path == own))
                except duckdb.Error as error:
                    if "lock" not in str(error).lower():
                        _LOG.warning(_DAMAGED.format(path, str(error).splitlines()[0][:120]))
                else:
                    yield connection
                    return
            statements = recorded(lake.folder / STATEMENTS).get("statements")
            if not statements:
                raise StoreError(f"there is no catalogue in {lake.folder} yet: run `givlake build`")
        known = hashlib.sha256("\n".join(statements).encode()).hexdigest()
        path = lake.scratch / known / FILE
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            temporary = path.with_suffix(".unfinished")
            write_views(temporary, without_comments(statements))
            temporary.rename(path)
        yield opened.enter_context(attached(path))


def own_file(folder: Path) -> Path:
    """Return the file of givlake's own catalogue, whose views read just this data folder.

    It is another one in a folder that was moved or copied.
    """
    of_folder = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return folder / OWN_FOLDER / f"{of_folder}.duckdb"


def without_comments(statements: Sequence[str]) -> list[str]:
    """Leave out the descriptions, which nobody looks for in a temporary catalogue."""
    return [statement for statement in statements if not statement.startswith("COMMENT ")]


def write_views(path: Path, statements: Sequence[str]) -> None:
    """Create a database file of views."""
    path.unlink(missing_ok=True)
    with attached(path, "STORAGE_VERSION 'v1.0.0'") as connection:
        # In few transactions and calls: the disk is waited for at the end of each, not with every
        # statement, and there are some 2,200 descriptions.
        for at in range(0, len(statements), _STATEMENTS_AT_ONCE):
            connection.begin()
            connection.execute("\n;\n".join(statements[at : at + _STATEMENTS_AT_ONCE]))
            connection.commit()


def execute(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> duckdb.DuckDBPyConnection:
    """Run a query; once more when ingestion replaced a file while DuckDB was opening it.

    DuckDB opens a Parquet file twice, by its path, for its footer and for its data. A file that is
    replaced twice in between makes the query fail (see `warehouse.storage.live_parquet`).

    Raises:
        DamagedError: A file cannot be read, even when retried.
        duckdb.Error: Any other error of DuckDB.
    """
    return retrying(lambda: connection.execute(sql, list(parameters)))


def fetch_table(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object] | None = None
) -> pa.Table:
    """Run a query and return its rows; retried as `execute` does.

    A relation (`connection.sql`) would plan the query twice, first for its columns, and to plan a
    query over views can take longer than to run it; against that, a second copy of the rows counts
    for little, which DuckDB warns of.

    Args:
        connection: The catalogue.
        sql: The query; parameters are written `$name`.
        parameters: Their values.
    """
    return retrying(lambda: connection.execute(sql, dict(parameters or {})).to_arrow_table())


def retrying(work: Callable[[], T]) -> T:
    """Call `work`; retry if ingestion replaced a file meanwhile, as in `execute`.

    Raises:
        DamagedError: A file cannot be read, even when retried.
        duckdb.Error: Any other error of DuckDB.
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
        raise named_damage(error) from error


def named_damage(error: duckdb.Error) -> Exception:
    """Return the error of a stored file that cannot be read; other errors as they are."""
    if not _is_unreadable(error):
        return error
    return DamagedError(
        f"DuckDB cannot read a stored file ({str(error).splitlines()[0]}): "
        "run givlake check --repair"
    )


def _is_unreadable(error: duckdb.Error) -> bool:
    return any(sign in str(error) for sign in _NOT_READ)


def recorded(path: Path) -> dict[str, Any]:
    """Read the record of the published catalogue; empty if there is none."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        return {}
