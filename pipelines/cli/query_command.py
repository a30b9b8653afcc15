"""`givlake query`: run SQL on the catalogue; print or write its result."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
import duckdb
from click.core import ParameterSource

from pipelines.cli.common import (
    EXIT_USAGE,
    KnownError,
    format_option,
    opened_for_reading,
    plural,
    tell,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.local_faults import describe_local_fault
from pipelines.cli.output_file import layout_of, new_output_file
from pipelines.cli.query_table import as_text
from pipelines.examined_folders import is_known_whole, remember_whole, state_of
from pipelines.settings import Settings
from warehouse.attached_database import FILE, attached, quoted
from warehouse.connection import connect, retrying

_Rendered = TypeVar("_Rendered")
_COPY_OPTIONS = {
    "csv": "FORMAT csv, HEADER",
    "json": "FORMAT json, ARRAY",
    "parquet": "FORMAT parquet",
}


@click.command()
@click.argument("sql")
@format_option("csv", "json", "parquet")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the result to a file. Without --format, its ending gives the format: .csv, .json,"
    " .parquet, or .txt for a table.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file of --output if it exists.")
@pass_settings
def query(settings: Settings, sql: str, layout: str, output: Path | None, overwrite: bool) -> None:
    """Run SQL on the catalogue. Start with: givlake query "SHOW TABLES".

    Times are in UTC. A table that is too wide for the terminal is shown with one value per line.
    """
    if output is not None and not _is_format_given():
        layout = layout_of(output)
    if output is None and layout == "parquet" and sys.stdout.isatty():
        raise KnownError(
            "A terminal cannot show Parquet: write it to a file with --output FILE.", EXIT_USAGE
        )
    with _catalogue(settings) as connection:
        try:
            # By default the zone of the machine; the columns of times are in UTC.
            connection.execute("SET TimeZone = 'UTC'")
            statements = _statements(connection, sql, one_result=layout != "table" or bool(output))
            if output is None:
                _print(connection, statements, layout)
            else:
                with new_output_file(output, settings.data.resolve(), overwrite=overwrite) as file:
                    write = _write_table if layout == "table" else partial(_copy, layout=layout)
                    (rows,) = _results(connection, statements, partial(write, file=file))
                click.echo(f"{plural(rows, 'row')} written to {output}.")
        except duckdb.Error as error:
            if (fault := describe_local_fault(error, settings)) is not None:
                raise KnownError(fault, EXIT_USAGE) from error
            raise KnownError(f"DuckDB rejected the query: {error}", EXIT_USAGE) from error


@contextmanager
def _catalogue(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the catalogue; first say what the data folder lacks, unless it is known to be whole."""
    folder = settings.data.resolve()
    state = None
    with suppress(OSError):  # opening the folder says why
        state = state_of(folder)
    with ExitStack() as opened:
        connection = None
        if state is not None and is_known_whole(folder, state):
            with suppress(duckdb.Error):  # such as a client that has it open for writing
                connection = opened.enter_context(attached(folder / FILE))
        if connection is None:
            connection = opened.enter_context(_examined(settings, folder, state))
        yield connection


@contextmanager
def _examined(
    settings: Settings, folder: Path, state: str | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    # The modules of all datasets, which are loaded for it, take most of a query's time.
    from pipelines.pending_builds import describe_pending

    with opened_for_reading(settings) as lake, connect(lake, as_published=True) as connection:
        if (not_built := describe_pending(lake)) is not None:
            tell(not_built)
        elif state is not None and not (lake.problems or lake.is_empty or lake.own_views()):
            remember_whole(folder, state)
        yield connection


def _is_format_given() -> bool:
    source = click.get_current_context().get_parameter_source("layout")
    return source is not ParameterSource.DEFAULT


def _statements(
    connection: duckdb.DuckDBPyConnection, sql: str, *, one_result: bool
) -> Sequence[duckdb.Statement]:
    """Return the statements of a text.

    Raises:
        KnownError: There is none, or not just one with a result where only one can be written.
    """
    statements = connection.extract_statements(sql)
    if not statements:
        raise KnownError(
            'The query is empty: write SQL, such as givlake query "SHOW TABLES".', EXIT_USAGE
        )
    results = sum(map(_has_rows, statements))
    if one_result and results != 1:
        raise KnownError(
            f"The query has {plural(results, 'result')}, but only one can be written in this"
            " format: use one SELECT.",
            EXIT_USAGE,
        )
    return statements


def _has_rows(statement: duckdb.Statement) -> bool:
    """Return whether a statement has rows to show, unlike `SET` or `CREATE TEMP TABLE`."""
    only_rows = statement.expected_result_type == [duckdb.ExpectedResultType.QUERY_RESULT]
    # A PIVOT is several statements until it runs.
    return only_rows or statement.type == duckdb.StatementType.MULTI


def _results(
    connection: duckdb.DuckDBPyConnection,
    statements: Sequence[duckdb.Statement],
    render: Callable[[duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation], _Rendered],
) -> Iterator[_Rendered]:
    """Run statements in order; render the rows of those that have any."""
    for statement in statements:
        if _has_rows(statement):
            yield retrying(partial(_rendered, connection, statement, render))
        else:
            connection.execute(statement)


def _rendered(
    connection: duckdb.DuckDBPyConnection,
    statement: duckdb.Statement,
    render: Callable[[duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation], _Rendered],
) -> _Rendered:
    return render(connection, connection.sql(statement))


def _print(
    connection: duckdb.DuckDBPyConnection, statements: Sequence[duckdb.Statement], layout: str
) -> None:
    """Print the results, with an empty line between tables."""
    if layout == "table":
        table = partial(as_text, fits_screen=sys.stdout.isatty())
        for number, (text, _) in enumerate(_results(connection, statements, table)):
            click.echo(f"\n{text}" if number else text, nl=False)
        return
    # DuckDB writes only files.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result"
        for _ in _results(connection, statements, partial(_copy, layout=layout, file=file)):
            with file.open("rb") as source:
                shutil.copyfileobj(source, sys.stdout.buffer)
                sys.stdout.buffer.flush()


def _copy(
    connection: duckdb.DuckDBPyConnection,
    result: duckdb.DuckDBPyRelation,
    *,
    layout: str,
    file: Path,
) -> int:
    """Write all rows to a file and return their number."""
    # DuckDB finds the relation by its variable's name; the catalogue is read-only.
    copied = connection.execute(
        f"COPY (FROM result) TO '{quoted(file)}' ({_COPY_OPTIONS[layout]})"
    ).fetchone()
    return int(copied[0]) if copied else 0


def _write_table(
    connection: duckdb.DuckDBPyConnection, result: duckdb.DuckDBPyRelation, *, file: Path
) -> int:
    text, rows = as_text(connection, result, fits_screen=False)
    file.write_text(text, encoding="utf-8")
    return rows
