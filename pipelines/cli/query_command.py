"""`givlake query`: run SQL on the catalogue; print a table, or a format for programs."""

import shutil
import sys
import tempfile
from pathlib import Path

import click
import duckdb

from pipelines.cli.common import (
    EXIT_USAGE,
    KnownError,
    console,
    format_option,
    opened_for_reading,
    plural,
    table,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.local_faults import describe_local_fault
from pipelines.pending_builds import describe_pending
from pipelines.settings import Settings
from warehouse import connect, retrying

_ROWS_SHOWN = 200
_NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "BIGINT", "HUGEINT", "INTEGER", "SMALLINT", "TINYINT")


@click.command()
@click.argument("sql")
@format_option("csv", "json", "parquet")
@pass_settings
def query(settings: Settings, sql: str, layout: str) -> None:
    """Run SQL on the catalogue. Start with: givlake query "SHOW TABLES"."""
    with opened_for_reading(settings) as lake, connect(lake) as connection:
        if (not_built := describe_pending(lake)) is not None:
            click.echo(not_built, err=True)
        try:
            retrying(lambda: _answer(connection, sql, layout))
        except duckdb.Error as error:
            if (fault := describe_local_fault(error, settings)) is not None:
                raise KnownError(fault, EXIT_USAGE) from error
            raise KnownError(f"DuckDB rejected the query: {error}", EXIT_USAGE) from error


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
            f"… only the first {plural(_ROWS_SHOWN, 'row')} are shown; use --format csv for all"
        )


def _write(
    connection: duckdb.DuckDBPyConnection, result: duckdb.DuckDBPyRelation, layout: str
) -> None:
    """Write all rows to standard output, through a file because DuckDB writes only files."""
    options = {
        "csv": "FORMAT csv, HEADER",
        "json": "FORMAT json, ARRAY",
        "parquet": "FORMAT parquet",
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result"
        # DuckDB finds the relation by its variable's name; the catalogue is read-only.
        connection.execute(f"COPY (FROM result) TO '{file}' ({options[layout]})")
        with file.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
            sys.stdout.buffer.flush()
