"""From the body of a response to typed rows; what does not fit is said row by row.

A dataset describes its rows as `msgspec.Struct` types. A body that fits them is decoded in one
pass. One that does not is taken apart row by row: numeric text becomes a number, unknown fields are
set aside, and a row that still does not fit is rejected with the field and the value. Which values
are plausible is judged later, by the pandera schema.
"""

import math
import typing
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import UnionType
from typing import Any, Generic, TypeVar

import msgspec

Row = TypeVar("Row", bound=msgspec.Struct)


class Wire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Base of the types that describe JSON; every field has a default, any leaf can be missing."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be decoded: its position, the field at fault, its value, the raw JSON."""

    position: int
    reason: str
    field: str
    value: str
    raw: str


@dataclass(slots=True)
class Rows(Generic[Row]):
    """The rows of one body.

    `positions` are those of `values` in the body. `extra` holds, by index in `values`, the fields
    that the type does not know. `drift` counts what differed from the documented shape, by kind,
    field and the JSON type that came instead.
    """

    values: list[Row]
    positions: list[int]
    extra: dict[int, dict[str, Any]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    drift: Counter[tuple[str, str, str]] = field(default_factory=Counter)


class _Misfit(Exception):
    """A value that cannot be read as what its field is documented to hold."""

    def __init__(self, path: str, value: object) -> None:
        super().__init__(path)
        self.path = path
        self.value = value


class _Elements(msgspec.Struct):
    data: list[msgspec.Raw] | dict[str, msgspec.Raw]


@lru_cache(maxsize=64)
def _decoder(row: type[msgspec.Struct]) -> "msgspec.json.Decoder[Any]":
    envelope = msgspec.defstruct("Envelope", [("data", list[row])])  # type: ignore[valid-type]
    return msgspec.json.Decoder(envelope)


_ELEMENTS = msgspec.json.Decoder(_Elements)
# Text that is not UTF-8 is found only when a string is decoded, and with Python's own error.
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError)


def elements(body: bytes) -> list[msgspec.Raw]:
    """Split the `data` of a body into its elements, undecoded, in order.

    `data` is an array, or an object keyed by index ("0", "1", … "10"), as energy flows come.
    """
    data = _ELEMENTS.decode(body).data
    if isinstance(data, list):
        return data
    return [data[key] for key in sorted(data, key=lambda key: (len(key), key))]


def decode_rows(body: bytes, row: type[Row]) -> Rows[Row]:
    """Decode the rows of a body that is known to be JSON with a list of rows in `data`."""
    try:
        values = _decoder(row).decode(body).data
    except _UNDECODABLE:
        return _decode_one_by_one(body, row)
    return Rows(values, list(range(len(values))))


def _decode_one_by_one(body: bytes, row: type[Row]) -> Rows[Row]:
    strict = msgspec.json.Decoder(row)
    rows: Rows[Row] = Rows([], [])
    try:
        raws = elements(body)
    except _UNDECODABLE as error:
        raws = []
        rows.rejected.append(
            Rejected(
                0, "body_not_decodable", "data", str(error), body[:2000].decode(errors="replace")
            )
        )
    for position, raw in enumerate(raws):
        extra: dict[str, Any] = {}
        try:
            value = strict.decode(raw)
        except _UNDECODABLE:
            try:
                value = _lenient(row, _loads(raw), "", extra, rows.drift)
            except _Misfit as misfit:
                text = bytes(raw).decode(errors="replace")
                rows.drift["changed_type", misfit.path, _json_type(misfit.value)] += 1
                rows.rejected.append(
                    Rejected(position, "not_decodable", misfit.path, _text(misfit.value), text)
                )
                continue
        if extra:
            rows.extra[len(rows.values)] = extra
        rows.values.append(value)
        rows.positions.append(position)
    return rows


def _loads(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except _UNDECODABLE as error:
        raise _Misfit("row", str(error)) from error


def _lenient(
    row: type[Row],
    source: object,
    path: str,
    extra: dict[str, Any],
    drift: Counter[tuple[str, str, str]],
) -> Row:
    if source is None and path:
        return row()
    if not isinstance(source, Mapping):
        raise _Misfit(path or "row", source)
    types = _fields(row)
    values = {}
    for key, value in source.items():
        leaf = f"{path}.{key}" if path else key
        if key not in types:
            extra[leaf] = value
            drift["new_field", leaf, _json_type(value)] += 1
            continue
        name, expected = types[key]
        values[name] = _fit(expected, value, leaf, extra, drift)
    return row(**values)


def _fit(
    expected: Any,
    value: object,
    path: str,
    extra: dict[str, Any],
    drift: Counter[tuple[str, str, str]],
) -> object:
    """Read a value as the type of its field, or raise `_Misfit`."""
    if isinstance(expected, type) and issubclass(expected, msgspec.Struct):
        return _lenient(expected, value, path, extra, drift)
    if value is None or expected is Any:
        return value
    if typing.get_origin(expected) is list:
        if not isinstance(value, list):
            raise _Misfit(path, value)
        (element,) = typing.get_args(expected)
        return [_fit(element, item, f"{path}[]", extra, drift) for item in value]
    if expected in (float, int):
        return _number(expected, value, path, drift)
    if not isinstance(value, expected):
        raise _Misfit(path, value)
    return value


def _number(
    expected: type[float] | type[int],
    value: object,
    path: str,
    drift: Counter[tuple[str, str, str]],
) -> float | int:
    """Read a number, or text that is one; true and false are no numbers."""
    number: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str):
        try:
            number = float(value) if value.isascii() and "_" not in value else None
        except ValueError:
            number = None
        if number is not None:
            drift["changed_type", path, _json_type(value)] += 1
    if number is None or not math.isfinite(number) or (expected is int and number != int(number)):
        raise _Misfit(path, value)
    return expected(number)


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


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()[:200]


def _json_type(value: object) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return "null" if value is None else names.get(type(value), "object")
