"""Read the marts from their SQL files; `assets.marts` describes the form of a file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import pyarrow as pa

from warehouse.interface.duckdb_types import arrow_type
from warehouse.interface.view_spec import ViewSpec

_FIELD = re.compile(r"(key|reads|parameters|columns):(.*)")
_ENTRY = re.compile(r"(?!null:)([a-z_][a-z0-9_]*(?: := .+?)?): (.+)")
_TYPED_ENTRY = re.compile(r"(?!null:)([a-z_][a-z0-9_]*(?: [a-z]+)?): (.+)")
_OR_NULL = " or null"


@dataclass(frozen=True, slots=True)
class Mart:
    """A view or table macro, as its file describes it.

    Attributes:
        name: Its name, that of the file.
        sql: Its SELECT, without the comment at the beginning.
        description: One or two sentences.
        notes: Further paragraphs.
        key: The columns that identify a row.
        nullable_key: Those of them that can be null.
        reads: Tables, views and macros that the SQL names.
        parameters: Parameters of a macro, with their defaults, and their descriptions; a view has
            none.
        columns: All columns, in order, and their descriptions.
        types: DuckDB's types of the columns, in lower case, as far as the file has them.
    """

    name: str
    sql: str
    description: str
    notes: tuple[str, ...]
    key: tuple[str, ...]
    nullable_key: tuple[str, ...]
    reads: tuple[str, ...]
    parameters: Mapping[str, str]
    columns: Mapping[str, str]
    types: Mapping[str, str]

    @property
    def view_spec(self) -> ViewSpec:
        """The view or macro of the catalogue.

        Raises:
            ValueError: A column has no type, or one that no column has.
        """
        for column in self.columns:
            if column not in self.types:
                raise ValueError(f"mart {self.name} has no type of {column}: `{column} double: …`")
        schema = pa.schema(
            pa.field(column, arrow_type(self.types[column]), metadata={"description": text})
            for column, text in self.columns.items()
        )
        return ViewSpec(
            self.name, self.sql, self.description, schema, tuple(self.parameters), self.key
        )


@cache
def marts() -> tuple[Mart, ...]:
    """Return all marts in the order of their names.

    Raises:
        ValueError: A file is not of the form that `assets.marts` describes.
    """
    found = []
    for kind, is_macro in (("sql", False), ("macros", True)):
        folder = resources.files("assets.marts").joinpath(kind)
        # A checkout has no folder without files.
        for path in folder.iterdir() if folder.is_dir() else ():
            name, _, ending = path.name.rpartition(".")
            if ending == "sql":
                mart = parse_mart(name, path.read_text(encoding="utf-8"), is_macro=is_macro)
                found.append(mart)
    return tuple(sorted(found, key=lambda mart: mart.name))


def parse_mart(name: str, text: str, *, is_macro: bool = False) -> Mart:
    """Return the mart of a file.

    Args:
        name: Name of the mart.
        text: Text of the file.
        is_macro: Whether it is a table macro, which has parameters.

    Raises:
        ValueError: The comment at its beginning lacks something, or the key is no column.
    """
    lines = text.strip().splitlines()
    length = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    paragraphs, fields = _split([line[2:].strip() for line in lines[:length]])
    key = _names(fields["key"])
    typed_columns = _entries(name, fields["columns"], _TYPED_ENTRY)
    mart = Mart(
        name=name,
        sql="\n".join(lines[length:]).strip(),
        description=paragraphs[0] if paragraphs else "",
        notes=tuple(paragraphs[1:]),
        key=tuple(column.removesuffix(_OR_NULL) for column in key),
        nullable_key=tuple(
            column.removesuffix(_OR_NULL) for column in key if column.endswith(_OR_NULL)
        ),
        reads=_names(fields["reads"]),
        parameters=_entries(name, fields["parameters"], _ENTRY),
        columns={entry.partition(" ")[0]: text for entry, text in typed_columns.items()},
        types=dict(entry.split(" ") for entry in typed_columns if " " in entry),
    )
    missing = {
        "description": not mart.description,
        "key": not mart.key,
        "columns": not mart.columns,
        "parameters": is_macro and not mart.parameters,
        "SQL": not mart.sql,
    }
    for what, is_missing in missing.items():
        if is_missing:
            raise ValueError(f"mart {name} has no {what}: `assets.marts` shows its form")
    if mart.parameters and not is_macro:
        raise ValueError(f"mart {name} has parameters: move its file to assets/marts/macros")
    for column in mart.key:
        if column not in mart.columns:
            raise ValueError(f"mart {name} has no column {column!r}, which its key names")
    return mart


def _split(lines: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Divide a comment into the paragraphs at its beginning and the lines of its fields."""
    paragraphs: list[list[str]] = [[]]
    fields: dict[str, list[str]] = {"key": [], "reads": [], "parameters": [], "columns": []}
    current: list[str] | None = None
    for line in lines:
        if field := _FIELD.fullmatch(line):
            current = fields[field[1]]
            line = field[2].strip()
        if not line and current is None:
            paragraphs.append([])
        elif line:
            (paragraphs[-1] if current is None else current).append(line)
    return [" ".join(paragraph) for paragraph in paragraphs if paragraph], fields


def _names(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.strip() for name in " ".join(lines).split(",") if name.strip())


def _entries(mart: str, lines: Iterable[str], form: re.Pattern[str]) -> dict[str, str]:
    """Return lines `name: text`, whose name is of a form, as names with texts."""
    entries: dict[str, str] = {}
    for line in lines:
        if entry := form.fullmatch(line):
            entry_name = entry[1].partition(" ")[0]
            if entry_name in (known.partition(" ")[0] for known in entries):
                raise ValueError(f"mart {mart} describes {entry_name!r} twice")
            entries[entry[1]] = entry[2]
        elif entries:
            entries[next(reversed(entries))] += f" {line}"
        else:
            raise ValueError(f"mart {mart} has {line!r} where a line `name: text` belongs")
    return entries
