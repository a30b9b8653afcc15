"""Responses whose shape nobody documents: split into rows, read what can be told.

Every leaf stays in `extra_fields` as it was sent. A column that is read from one of several likely
leaves names them in its description; it is null if there is none.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import pandera.pandas as pandera
import pyarrow as pa

from assets.framework.contract.column_schema import column
from assets.framework.contract.columns import parse_time
from assets.framework.contract.json_rows import Rows, Wire
from assets.framework.contract.json_values import resolve_redaction

Value = TypeVar("Value")


def any_fields() -> dict[str, pandera.Column]:
    """Return the column for all leaves of a row whose shape is not documented."""
    return {
        "extra_fields": column(
            pa.string(),
            "All other fields",
            "JSON of the leaves as sent. Their names and units are not documented; a leaf that"
            " another column is read from by its likely name is here as well.",
        )
    }


def told(
    rows: Rows[Any], leaves: Sequence[str], read: Callable[[object], Value | None]
) -> list[Value | None]:
    """Return of each row the first of some unknown leaves that can be read, or None.

    Args:
        rows: Decoded rows.
        leaves: Names of the leaves, the likeliest first.
        read: Returns the value of a leaf; None if it cannot be read.
    """
    return [_first(rows.extra.get(index, {}), leaves, read) for index in range(len(rows.values))]


def names_of(rows: Rows[Any], leaves: Sequence[str]) -> list[str]:
    """Return what identifies each row of a response.

    That is the first leaf that differs between all rows; else, of each row, the first that it has,
    and its position if it has none. Where that repeats, the position follows.
    """
    for leaf in leaves:
        of_all = [name for name in told(rows, (leaf,), as_name) if name is not None]
        if len(set(of_all)) == len(rows.values):
            return of_all
    names = [
        str(position) if name is None else name
        for name, position in zip(told(rows, leaves, as_name), rows.positions, strict=True)
    ]
    repeated = Counter(names)
    return [
        name if repeated[name] == 1 else f"{name} {position}"
        for name, position in zip(names, rows.positions, strict=True)
    ]


def as_name(value: object) -> str | None:
    """Return a text or whole number as a name; None for anything else."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def as_word(value: object) -> str | None:
    """Return a text, number or boolean as text; None for anything else."""
    if isinstance(value, bool | float):
        return msgspec.json.encode(value).decode()
    return as_name(value)


def as_time(value: object) -> datetime | None:
    """Return a time with its offset in UTC; None for anything else."""
    return parse_time(value) if isinstance(value, str) else None


def as_flag(value: object) -> bool | None:
    """Return a boolean; None for anything else."""
    return value if isinstance(value, bool) else None


def _first(
    fields: Mapping[str, Any], leaves: Sequence[str], read: Callable[[object], Value | None]
) -> Value | None:
    def values() -> Iterator[Value | None]:
        for leaf in leaves:
            yield read(resolve_redaction(fields.get(leaf)))

    return next((value for value in values() if value is not None), None)


class Undocumented(Wire):
    """A row of which no leaf is documented."""
