"""`givlake query`: SQL over the catalogue, as a table for people or a format for programs."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import duckdb

from pipelines.cli.common import WRONG_USAGE, KnownError, console, plural, table
from pipelines.pending_builds import what_is_behind, what_is_behind_unwritable
from pipelines.session_factory import open_lake
from pipelines.settings import Settings, load_settings
from warehouse import connect, connect_unwritable, retrying

_ROWS_SHOWN = 200
_NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "BIGINT", "HUGEINT", "INTEGER", "SMALLINT", "TINYINT")


@click.command()
@click.argument("sql")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
)
def query(sql: str, layout: str) -> None:
    """Run SQL on the catalogue; start with: givlake query "SHOW TABLES"."""
    with _opened(load_settings()) as connection:
        try:
            retrying(lambda: _answer(connection, sql, layout))
        except duckdb.Error as error:
            raise KnownError(f"DuckDB refuses the query: {error}", WRONG_USAGE) from error


@contextmanager
def _opened(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the catalogue; of a folder that cannot be written, what lies there."""
    folder = settings.data
    if (folder / "store.json").exists() and not os.access(folder, os.W_OK):
        click.echo(f"{folder} cannot be written: what is in it is shown as it is.", err=True)
        with connect_unwritable(folder) as connection:
            _note(what_is_behind_unwritable(folder, connection))
            yield connection
        return
    with open_lake(settings) as lake, connect(lake) as connection:
        _note(what_is_behind(lake))
        yield connection


def _note(sentence: str | None) -> None:
    """Say on standard error what the answer may lack."""
    if sentence is not None:
        click.echo(sentence, err=True)


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, layout: str) -> None:
    result = connection.sql(sql)
    if result is None:
        return
    if layout == "table":
        _show(result)
    else:
        _write(connection, result, layout)


def _show(result: duckdb.DuckDBPyRelation) -> None:
    rows = result.limit(_ROWS_SHOWN + 1).fetchall()
    out = console()
    numbers = [
        name
        for name, kind in zip(result.columns, result.types, strict=True)
        if str(kind).startswith(_NUMBERS)
    ]
    out.print(table(result.columns, rows[:_ROWS_SHOWN], right=numbers))
    if len(rows) > _ROWS_SHOWN:
        out.print(
            f"… only the first {plural(_ROWS_SHOWN, 'row')} are shown; --format csv gives all"
        )


def _write(
    connection: duckdb.DuckDBPyConnection, result: duckdb.DuckDBPyRelation, layout: str
) -> None:
    """Write all rows to standard output; DuckDB writes files only, so one stands between."""
    options = {
        "csv": "FORMAT csv, HEADER",
        "json": "FORMAT json, ARRAY",
        "parquet": "FORMAT parquet",
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result"
        # DuckDB finds the relation by the name of this variable: the catalogue takes no view.
        connection.execute(f"COPY (FROM result) TO '{file}' ({options[layout]})")
        with file.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
            sys.stdout.buffer.flush()
