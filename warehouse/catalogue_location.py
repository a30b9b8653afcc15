"""Views that read the folder of their own file, wherever that was moved or copied to.

SQL cannot name the folder of a database file, except that `temp_directory` is by default
`<file>.tmp` where the file was opened directly. Views use that; where it is not so (the file is
attached, or the setting was changed) they read the folder that the catalogue was written for, and
fail unless it is the only open catalogue of that folder and was opened by that path: a copy never
reads the original in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files as resource_files
from pathlib import Path

import pyarrow as pa

from warehouse.attached_database import FILE, quoted
from warehouse.interface.view_spec import ViewSpec
from warehouse.tables.partition_files import SCHEMA_FILE

_VIEW = "where_am_i"
_COLUMNS = {
    "opened_as": (pa.string(), "File that the catalogue was opened as"),
    "reads_from": (pa.string(), "Folder that its views read"),
    "written_for": (pa.string(), "Folder that it was written for"),
    "is_readable": (
        pa.bool_(),
        "Whether its views can be read; in a moved copy they fail",
    ),
}
# DuckDB takes the first for the start of an address' options, the second for a slash.
_UNUSABLE = {"?": "a question mark", "\\": "a backslash"}
_SETTING = "current_setting('temp_directory')"
_IS_OPENED_DIRECTLY = f"regexp_matches({_SETTING}, '(^|/){FILE}[.]tmp$')"
_OPENED_FOLDER = f"regexp_replace({_SETTING}, '{FILE}[.]tmp$', '')"
_OPENED = f"regexp_replace({_OPENED_FOLDER}, '([*?[])', '[\\1]', 'g')"

_ERROR = (
    "error('this catalogue was written for ' || written_for || ' and is open as '"
    " || coalesce(opened_as, 'another') || ': open the file itself instead of attaching it, attach"
    " it by its path in that folder, or run `givlake build` in the folder if it was copied or"
    " moved')"
)
_GUARD = f"CASE WHEN is_readable THEN true ELSE {_ERROR} END"
# Adds no row, and is looked at once: a condition on each row of a table takes longer than to read
# it, and hides from DuckDB how many rows there are.
_GUARD_OF_TABLES = (
    "{select}\nUNION ALL SELECT own.* FROM ({here}) LEFT JOIN ({empty}\n) AS own ON true"
    f" WHERE CASE WHEN is_readable THEN false ELSE {_ERROR} END"
)
_ANY_FILE = re.compile(r"(\*\*/)?\*[.]parquet")


def unusable_characters(folder: Path) -> str | None:
    """Return what DuckDB cannot open in the path of a folder, in words; None if nothing."""
    for character, words in _UNUSABLE.items():
        if character in str(folder):
            return words
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        return "characters that are not UTF-8"
    return None


def root_of(folder: Path) -> str:
    """Return the folder as written in the views' SQL."""
    return quoted(_glob_safe(folder))


def located(statements: Iterable[str], folder: Path) -> list[str]:
    """Return statements of views over files below `folder`, for the catalogue in that folder.

    Args:
        statements: SQL that creates views and comments; files are named by their absolute path.
        folder: The data folder.
    """
    absolute = f"'{root_of(folder)}/"
    root = f"case when {_IS_OPENED_DIRECTLY} then {_OPENED} else {absolute}' end"
    # Not by the name of the view: DuckDB 1.0 does not find it where the file is attached.
    here = _located_select(folder)
    guard = f"(SELECT {_GUARD} FROM ({here}))"
    # The schema is empty; by its name the catalogue is recognized among attached ones.
    mark = _mark(folder).replace('"', '""')
    here_view = where_am_i(folder, is_located=True)
    result = [f'CREATE SCHEMA "{mark}"', here_view.create, *here_view.comments]
    for statement in statements:
        if f'"{_VIEW}"' in statement:
            continue
        if absolute in statement:
            head, _, select = statement.partition(" AS ")
            count = select.count(absolute)
            select = select.replace(absolute, f"{root} || '")
            if count == 1 and _ANY_FILE.search(select):
                empty = _ANY_FILE.sub(SCHEMA_FILE, select)
                select = _GUARD_OF_TABLES.format(select=select, here=here, empty=empty)
            else:
                select = f"SELECT * FROM ({select}\n) WHERE {guard}"
            statement = f"{head} AS {select}"
        result.append(statement)
    return result


def where_am_i(folder: Path, *, is_located: bool = False) -> ViewSpec:
    """Return the view that says which folder the views read.

    Args:
        folder: The data folder.
        is_located: Whether it is for the catalogue in that folder, whose views follow the file.
    """
    here, file = f"'{quoted(folder)}'", f"'{quoted(folder / FILE)}'"
    select = (
        _located_select(folder)
        if is_located
        else f"SELECT {file} AS opened_as, {here} AS reads_from, {here} AS written_for,"
        " true AS is_readable"
    )
    comment = " ".join(line[3:] for line in _sql(_VIEW).splitlines() if line.startswith("--"))
    schema = pa.schema(
        pa.field(name, kind, metadata={"description": text})
        for name, (kind, text) in _COLUMNS.items()
    )
    return ViewSpec(_VIEW, select, comment, schema)


def _located_select(folder: Path) -> str:
    lines = _sql(_VIEW).splitlines()
    here = f"'{quoted(folder)}'"
    opened = f"regexp_replace({_SETTING}, '/?{FILE}[.]tmp$', '')"
    return "\n".join(line for line in lines if not line.startswith("--")).format(
        reads_from=f"case when {_IS_OPENED_DIRECTLY} then {opened} else {here} end",
        folder=here,
        file=f"'{quoted(folder / FILE)}'",
        setting=_SETTING,
        is_opened_directly=_IS_OPENED_DIRECTLY,
        mark=f"'{quoted(_mark(folder))}'",
    )


def _mark(folder: Path) -> str:
    return f"catalogue of {folder}"


@cache
def _sql(name: str) -> str:
    return resource_files("warehouse").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def _glob_safe(folder: Path) -> str:
    """Escape the characters of a folder's name that a pattern gives a meaning."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(folder))
