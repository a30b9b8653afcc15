"""Typed rows from the body of a response.

A dataset describes its rows as `msgspec.Struct` types. A body that matches is decoded in one pass.
Any other is decoded row by row: numeric text becomes a number, unknown fields are kept apart, and a
value that still does not match becomes null and is kept as a misfit of its row; a row that is no
object is rejected. If nobody documents the shape, such a value is an unknown field instead.
"""

import json
import re
import threading
import typing
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from assets.framework.contract.json_values import (
    is_redacted,
    json_text,
    json_type,
    number_of,
    resolve_redaction,
)
from assets.framework.contract.keyed_rows import split_keyed_rows
from assets.framework.contract.undocumented_rows import split_rows

Row = TypeVar("Row", bound=msgspec.Struct)
# A whole number as columns can hold it; plain `int` lets any pass.
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class ResponseShape(Enum):
    """Location of the rows in a body."""

    LIST = "data is a list of rows, or an object of rows keyed by index"
    SINGLE = "data is one row"
    BARE = "the body itself is one row"
    KEYED = "data is one row, or without it the body itself is an object of rows keyed by name"
    # Nobody documents the next ones: see `undocumented_rows`.
    OPEN_ROW = "one row, or a list of rows"
    OPEN = "the same, or an object of rows by name"
    OPEN_LIST = "the same, or an object with one list of rows"
    OPEN_VALUES = "the same, and a row by name can be a bare status"

    @property
    def is_open(self) -> bool:
        """Whether nobody documents the shape: see `undocumented_rows`."""
        return self.name.startswith("OPEN")


class Wire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Base class of types that describe JSON; any field can be missing and has a default."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be decoded: position, reason, field, value and raw JSON."""

    position: int
    reason: str
    field: str
    value: str
    raw: str


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that does not have the type of its field: its path in the row, and its JSON."""

    path: str
    value: str

    @property
    def field(self) -> str:
        """The path without list indexes."""
        return field_of(self.path)


@dataclass(slots=True)
class Rows(Generic[Row]):
    """The rows of one body.

    `positions` are those of `values` in the body. `extra` and `misfits` hold, by index in `values`,
    the fields that the type does not know, and the values that are null because they do not have
    the type of their field. `drift` counts what differed from the documented shape, by kind, field
    and the JSON type that came instead.
    """

    values: list[Row]
    positions: list[int]
    extra: dict[int, dict[str, Any]] = field(default_factory=dict)
    misfits: dict[int, list[Misfit]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    drift: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def has_misfit(self, index: int, name: str) -> bool:
        """Return whether a field of a row is null because its value could not be read."""
        return any(misfit.field == name for misfit in self.misfits.get(index, ()))


class _MisfitError(Exception):
    """Raised for a value that does not match the type of its field, or a row that is no object."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


@dataclass(slots=True)
class _Odd:
    """What is odd about a row that is decoded leniently."""

    drift: Counter[tuple[str, str, str]]
    is_open: bool
    extra: dict[str, Any] = field(default_factory=dict)
    misfits: list[Misfit] = field(default_factory=list)

    def add_misfit(self, path: str, value: object) -> None:
        if self.is_open:  # Its type was only assumed.
            self.extra[path] = value
        else:
            self.drift["changed_type", field_of(path), json_type(value)] += 1
            self.misfits.append(Misfit(path, json_text(value)))


class _Elements(msgspec.Struct):
    data: list[msgspec.Raw] | dict[str, msgspec.Raw]


class _Element(msgspec.Struct):
    data: msgspec.Raw


# msgspec 0.22 crashes (SIGSEGV) where a thread decodes with a nested type that another thread is
# just preparing, which happens when a type's first decoder is made.
_FIRST_DECODER = threading.Lock()


@lru_cache(maxsize=64)
def _decoders(
    row: type[msgspec.Struct],
) -> "tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]":
    """Return the decoders of a list of rows in its envelope, and of one row."""
    with _FIRST_DECODER:
        envelope = msgspec.defstruct("Envelope", [("data", list[row])])  # type: ignore[valid-type]
        return msgspec.json.Decoder(envelope), msgspec.json.Decoder(row)


_ELEMENTS = msgspec.json.Decoder(_Elements)
_ELEMENT = msgspec.json.Decoder(_Element)
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError)  # The latter for text that is not UTF-8.


def elements(body: bytes, shape: ResponseShape = ResponseShape.LIST) -> list[msgspec.Raw]:
    """Split a body into its rows, undecoded, in order.

    An object keyed by index ("0", "1", … "10"), as energy flows come, is ordered by number.
    """
    if shape.is_open:
        return split_rows(
            body,
            has_names=shape is not ResponseShape.OPEN_ROW,
            has_lists=shape in (ResponseShape.OPEN_LIST, ResponseShape.OPEN_VALUES),
            has_bare_values=shape is ResponseShape.OPEN_VALUES,
        )
    if shape is ResponseShape.BARE:
        return [msgspec.Raw(body)]
    if shape is ResponseShape.KEYED:
        return split_keyed_rows(body)
    if shape is ResponseShape.SINGLE:
        return [_ELEMENT.decode(body).data]
    data = _ELEMENTS.decode(body).data
    if isinstance(data, list):
        return data
    return [data[key] for key in sorted(data, key=lambda key: (len(key), key))]


def decode_rows(
    body: bytes, row: type[Row], shape: ResponseShape = ResponseShape.LIST
) -> Rows[Row]:
    """Decode the rows of a body that is known to be JSON."""
    whole, strict = _decoders(row)
    if shape is ResponseShape.LIST:
        try:
            values = whole.decode(body).data
        except _UNDECODABLE:
            pass
        else:
            return Rows(values, list(range(len(values))))
    rows: Rows[Row] = Rows([], [])
    try:
        raw_rows = elements(body, shape)
    except _UNDECODABLE as error:
        raw_rows = []
        rows.rejected.append(
            Rejected(
                0, "body_not_decodable", "data", str(error), body[:2000].decode(errors="replace")
            )
        )
    for position, raw in enumerate(raw_rows):
        odd = _Odd(rows.drift, shape.is_open)
        try:
            value = strict.decode(raw)
        except _UNDECODABLE:
            try:
                value = _lenient(row, _loads(raw), "", odd)
            except _MisfitError as error:
                text = bytes(raw).decode(errors="replace")
                rows.drift["changed_type", "row", json_type(error.value)] += 1
                rows.rejected.append(
                    Rejected(position, "not_decodable", "row", json_text(error.value), text)
                )
                continue
        if odd.extra:
            rows.extra[len(rows.values)] = odd.extra
        if odd.misfits:
            rows.misfits[len(rows.values)] = odd.misfits
        rows.values.append(value)
        rows.positions.append(position)
    if shape.is_open:
        rows.drift = Counter({key: n for key, n in rows.drift.items() if key[1] == "row"})
    return rows


def _loads(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except _UNDECODABLE:
        pass
    try:
        # It reads a number of more than 1e308 as infinite, where the other one reads nothing.
        return json.loads(bytes(raw))
    except ValueError as error:
        raise _MisfitError(str(error)) from error


def _lenient(row: type[Row], source: object, path: str, odd: _Odd) -> Row:
    # An object without content can come as an empty list.
    if path and (source is None or source == [] or is_redacted(source)):
        return row()
    if not isinstance(source, Mapping):
        raise _MisfitError(source)
    types = _fields(row)
    values = {}
    for key, value in source.items():
        leaf = f"{path}.{key}" if path else key
        if key not in types:
            odd.extra[leaf] = value
            odd.drift["new_field", field_of(leaf), json_type(value)] += 1
            continue
        name, expected = types[key]
        values[name] = _fit_or_null(expected, value, leaf, odd)
    return row(**values)


def _fit_or_null(expected: Any, value: object, path: str, odd: _Odd) -> object:
    """Convert a value to the type of its field; one that does not fit is null and a misfit."""
    try:
        return _fit(expected, value, path, odd)
    except _MisfitError:
        odd.add_misfit(path, value)
    is_struct = isinstance(expected, type) and issubclass(expected, msgspec.Struct)
    return expected() if is_struct else None


def _fit(expected: Any, value: object, path: str, odd: _Odd) -> object:
    """Convert a value to the type of its field, or raise `_MisfitError`."""
    value = resolve_redaction(value)
    if isinstance(expected, type) and issubclass(expected, msgspec.Struct):
        return _lenient(expected, value, path, odd)
    if value is None or expected is Any:
        return value
    if typing.get_origin(expected) is list:
        if not isinstance(value, list):
            raise _MisfitError(value)
        (element,) = typing.get_args(expected)
        return [
            _fit_or_null(element, item, f"{path}[{number}]", odd)
            for number, item in enumerate(value)
        ]
    if typing.get_origin(expected) is dict:
        if not isinstance(value, Mapping) and value != []:
            raise _MisfitError(value)
        _, of_values = typing.get_args(expected)
        kind = _without_none(of_values)
        return {
            key: _fit_or_null(kind, item, f"{path}.{key}", odd) for key, item in dict(value).items()
        }
    if expected in (float, int):
        return _number(expected, value, path, odd)
    if not isinstance(value, expected):
        raise _MisfitError(value)
    return value


def _number(expected: type[float] | type[int], value: object, path: str, odd: _Odd) -> float | int:
    """Return a number, or one written as text; booleans are not numbers."""
    number = number_of(value, expected)
    if number is None:
        raise _MisfitError(value)
    if isinstance(value, str):
        odd.drift["changed_type", field_of(path), "string"] += 1
    return number


@lru_cache(maxsize=64)
def _fields(row: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    """Map the JSON names of a type's fields to the Python name and the type without `None`."""
    hints = typing.get_type_hints(row)
    return {
        encoded: (name, _without_none(hints[name]))
        for name, encoded in zip(row.__struct_fields__, row.__struct_encode_fields__, strict=True)
    }


def _without_none(hint: Any) -> Any:
    if isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = (kind for kind in typing.get_args(hint) if kind is not type(None))
    return hint


def field_of(path: str) -> str:
    """Return the field at a path, without list indexes."""
    return re.sub(r"\[\d+\]", "[]", path)
