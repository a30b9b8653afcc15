"""`givlake query`: SQL over the catalogue, as a table for people or a format for programs."""

import shutil
import sys
import tempfile
from pathlib import Path

import click
import duckdb

from pipelines.cli.common import (
    WRONG_USAGE,
    KnownError,
    console,
    opened_for_reading,
    plural,
    table,
)
from pipelines.pending_builds import what_is_behind
from pipelines.settings import load_settings
from warehouse import connect, retrying

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
    with opened_for_reading(load_settings()) as lake, connect(lake) as connection:
        if (not_built := what_is_behind(lake)) is not None:
            click.echo(not_built, err=True)
        try:
            retrying(lambda: _answer(connection, sql, layout))
        except duckdb.Error as error:
            raise KnownError(f"DuckDB refuses the query: {error}", WRONG_USAGE) from error


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
