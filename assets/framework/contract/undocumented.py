"""Responses whose shape nobody documents: split into rows, read what can be told.

Every leaf stays in `extra_fields` as it was sent. A column that is read from one of several likely
leaves names them in its description; it is null if there is none.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import pyarrow as pa

from assets.framework.contract.column_schema import Column, column
from assets.framework.contract.columns import extra_column, parse_time
from assets.framework.contract.json_rows import Rows, Wire
from assets.framework.contract.json_values import resolve_redaction

Value = TypeVar("Value")
_TIME_ENDINGS = ("_at", "time", "timestamp")


def any_fields() -> dict[str, Column]:
    """Return the column for all leaves of a row whose shape is not documented."""
    return {
        "extra_fields": column(
            pa.string(),
            "All other fields",
            "JSON of the leaves as sent. Their names and units are not documented; a leaf that"
            " another column is read from by its likely name is here as well.",
        )
    }


def versioned_fields() -> dict[str, Column]:
    """Return the columns for all leaves of a row with history, whose shape is not documented."""
    return {
        **any_fields(),
        "extra_digest": column(
            pa.string(),
            "Digest of all other fields",
            "A version begins when it changes: it is that of `extra_fields` without the leaves that"
            " tell when something was done, such as `updated_at` (`…_at`, `…time`, `…timestamp`).",
        ),
    }


def versioned_columns(rows: Rows[Any], read: Collection[str] = ()) -> dict[str, pa.Array]:
    """Return the columns of `versioned_fields`; a table has `extra_fields` unversioned.

    Args:
        rows: Decoded rows.
        read: Leaves that count although they are times, as columns are read from them.
    """
    digests: list[str | None] = [None] * len(rows.values)
    for index, fields in rows.extra.items():
        content = msgspec.json.encode(_without_times(fields, read), order="deterministic")
        digests[index] = hashlib.blake2b(content, digest_size=8).hexdigest()
    return {"extra_fields": extra_column(rows), "extra_digest": pa.array(digests, pa.string())}


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


def _without_times(value: Any, read: Collection[str]) -> Any:
    if isinstance(value, list):
        return [_without_times(item, read) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: _without_times(child, read)
        for name, child in value.items()
        if name in read or not name.lower().endswith(_TIME_ENDINGS)
    }


def _first(
    fields: Mapping[str, Any], leaves: Sequence[str], read: Callable[[object], Value | None]
) -> Value | None:
    def values() -> Iterator[Value | None]:
        for leaf in leaves:
            yield read(resolve_redaction(fields.get(leaf)))

    return next((value for value in values() if value is not None), None)


class Undocumented(Wire):
    """A row of which no leaf is documented."""
