"""Results of queries as text: DuckDB's box, or one value per line where a box cannot be read."""

import contextlib
import io
import shutil
import textwrap

import duckdb
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement

from pipelines.cli.common import plural, printable, table

_ROWS_ON_SCREEN = 200
_ROWS_ONE_VALUE_PER_LINE = 10
# DuckDB draws no more rows in one box.
_ROWS_IN_A_BOX = 10_000
_ANY_WIDTH = 1_000_000_000
# Of a table, so that a wide value in many rows does not take gigabytes.
_MOST_CHARACTERS = 20_000_000
_HELD = "givlake_result"
# DuckDB abbreviates values and leaves out columns with this character.
_CUT = "…"
_NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "BIGINT", "HUGEINT", "INTEGER", "SMALLINT", "TINYINT")


def as_text(
    connection: duckdb.DuckDBPyConnection, result: duckdb.DuckDBPyRelation, *, fits_screen: bool
) -> tuple[str, int]:
    """Return a result as a table for people, and the number of rows in it.

    A sentence below the table says which rows it lacks.

    Args:
        connection: The connection of the result, on which its rows are held meanwhile.
        result: The result of a query.
        fits_screen: Whether the table has to fit the width of the terminal; otherwise it is as wide
            as its values, and has more rows.
    """
    most = _ROWS_ON_SCREEN if fits_screen else _ROWS_IN_A_BOX
    # The query runs once, although its rows are counted, drawn and measured.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_HELD} AS SELECT * FROM result LIMIT {most + 1}"
    )
    held = connection.table(f"temp.{_HELD}")
    (count,) = held.aggregate("count(*)").fetchall()[0]
    if held.columns == ["explain_key", "explain_value"]:
        return "".join(_clean(plan) for _, plan in held.fetchall()), count
    if count:
        # DuckDB pads every value of a column to the widest.
        lengths = " + ".join(f"max(coalesce(length(#{n}::VARCHAR), 4))" for n in _numbers(held))
        (wide,) = held.aggregate(lengths).fetchall()[0]
        most = max(_ROWS_ONE_VALUE_PER_LINE, min(most, _MOST_CHARACTERS // wide))
    text = _box(held, most, _ANY_WIDTH)
    width = max(map(cell_len, text.split("\n")))
    screen = shutil.get_terminal_size().columns
    advice = "the other formats have all."
    if fits_screen and width > screen:
        narrow = _box(held, most, screen)
        if narrow.count(_CUT) == text.count(_CUT):
            text = narrow
        elif (compact := _without_lines(held, most, screen)) is not None:
            text = compact
        elif not count:
            names = ", ".join(map(printable, held.columns))
            return textwrap.fill(f"No rows. The columns are {names}.", screen) + "\n", 0
        else:
            most = _ROWS_ONE_VALUE_PER_LINE
            text = _one_value_per_line(held, most, screen)
            text += f"One value per line, because the table is {width:,} characters wide.\n"
            advice = "name fewer columns, or write all with --output FILE."
    if count > most:
        text += f"Only the first {plural(most, 'row')} are shown: {advice}\n"
    return text, min(count, most)


def _box(rows: duckdb.DuckDBPyRelation, most: int, width: int) -> str:
    """Draw rows as DuckDB does, which prints them."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        rows.limit(most).show(
            max_width=width, max_rows=most, max_col_width=_ANY_WIDTH, null_value="NULL"
        )
    return _clean(text.getvalue())


def _without_lines(rows: duckdb.DuckDBPyRelation, most: int, screen: int) -> str | None:
    """Return rows as a table without lines and types; None if that is too wide as well."""
    numbers = [
        name
        for name, kind in zip(rows.columns, rows.types, strict=True)
        if str(kind).startswith(_NUMBERS)
    ]
    grid = table(rows.columns, _texts(rows, most), right=numbers)
    out = io.StringIO()
    console = Console(file=out, width=screen, markup=False, highlight=False)
    needed = Measurement.get(console, console.options.update(width=_ANY_WIDTH), grid).maximum
    if needed > screen:
        return None
    console.print(grid)
    return _clean(out.getvalue())


def _one_value_per_line(rows: duckdb.DuckDBPyRelation, most: int, screen: int) -> str:
    """Return rows as names and values below each other."""
    out = io.StringIO()
    console = Console(file=out, width=screen, markup=False, highlight=False)
    for number, values in enumerate(_texts(rows, most), start=1):
        console.print(f"── row {number} ".ljust(screen, "─"))
        fields = table(("", ""), list(zip(rows.columns, values, strict=True)))
        fields.show_header = False
        console.print(fields)
    return _clean(out.getvalue())


def _numbers(rows: duckdb.DuckDBPyRelation) -> range:
    """Return the numbers by which SQL names the columns, whatever their names are."""
    return range(1, len(rows.columns) + 1)


def _texts(rows: duckdb.DuckDBPyRelation, most: int) -> list[list[str]]:
    """Return the values of the first rows as DuckDB writes them."""
    casts = ", ".join(f"#{number}::VARCHAR" for number in _numbers(rows))
    return [
        ["NULL" if value is None else value for value in values]
        for values in rows.limit(most).project(casts).fetchall()
    ]


def _clean(text: str) -> str:
    """Return lines without trailing spaces, and without what would command the terminal."""
    lines = text.rstrip("\n").split("\n")
    return "".join(f"{printable(line.rstrip())}\n" for line in lines)
