"""From the body of a response to typed rows; what does not fit is said row by row.

A dataset describes its rows as `msgspec.Struct` types. A body that fits them is decoded in one
pass. One that does not is taken apart row by row: numeric text becomes a number, unknown fields are
set aside, and a row that still does not fit is rejected with the field and the value. Which values
are plausible is judged later, by the pandera schema.
"""

import math
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

Row = TypeVar("Row", bound=msgspec.Struct)
# A whole number as columns can hold it; plain `int` lets any pass.
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class ResponseShape(Enum):
    """Where the rows of a body stand."""

    LIST = "data is a list of rows, or an object of rows keyed by index"
    SINGLE = "data is one row"
    BARE = "the body itself is one row"


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
# Text that is not UTF-8 is found only when a string is decoded, and with Python's own error.
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError)


def elements(body: bytes, shape: ResponseShape = ResponseShape.LIST) -> list[msgspec.Raw]:
    """Split a body into its rows, undecoded, in order.

    An object keyed by index ("0", "1", … "10"), as energy flows come, is ordered by number.
    """
    if shape is ResponseShape.BARE:
        return [msgspec.Raw(body)]
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
        raws = elements(body, shape)
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
                field_of = _field_of(misfit.path)
                rows.drift["changed_type", field_of, json_type(misfit.value)] += 1
                rows.rejected.append(
                    Rejected(position, "not_decodable", field_of, _text(misfit.value), text)
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
    # An object without content can come as an empty list.
    if path and (source is None or source == [] or is_left_out(source)):
        return row()
    if not isinstance(source, Mapping):
        raise _Misfit(path or "row", source)
    types = _fields(row)
    values = {}
    for key, value in source.items():
        leaf = f"{path}.{key}" if path else key
        if key not in types:
            extra[leaf] = value
            drift["new_field", _field_of(leaf), json_type(value)] += 1
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
    value = _unredacted(value)
    if isinstance(expected, type) and issubclass(expected, msgspec.Struct):
        return _lenient(expected, value, path, extra, drift)
    value = revealed(value)
    if value is None or expected is Any:
        return value
    if typing.get_origin(expected) is list:
        if not isinstance(value, list):
            raise _Misfit(path, value)
        (element,) = typing.get_args(expected)
        return [
            _fit(element, item, f"{path}[{number}]", extra, drift)
            for number, item in enumerate(value)
        ]
    if typing.get_origin(expected) is dict:
        if not isinstance(value, Mapping) and value != []:
            raise _Misfit(path, value)
        _, of_values = typing.get_args(expected)
        kind = _without_none(of_values)
        return {
            key: _fit(kind, item, f"{path}.{key}", extra, drift)
            for key, item in dict(value).items()
        }
    if expected in (float, int):
        return _number(expected, value, path, drift)
    if not isinstance(value, expected):
        raise _Misfit(path, value)
    return value


def _unredacted(value: object) -> object:
    """Read what stands in place of a personal value: a pseudonym as text, anything else as null."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, content),) = value.items()
        if kind == "redacted":
            return None
        if kind == "pseudonym":
            return f"pseudonym:{content}"
    return value


def _number(
    expected: type[float] | type[int],
    value: object,
    path: str,
    drift: Counter[tuple[str, str, str]],
) -> float | int:
    """Read a number, or text that is one; true and false are no numbers."""
    number = number_of(value, expected)
    if number is None:
        raise _Misfit(path, value)
    if isinstance(value, str):
        drift["changed_type", _field_of(path), "string"] += 1
    return number


def number_of(value: object, expected: type[float] | type[int] = float) -> float | int | None:
    """Give a number, or the one that a text writes out; None for anything else."""
    number: float | int
    try:
        if isinstance(value, str) and value.isascii() and "_" not in value:
            number = float(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = value
        else:
            return None
        if not math.isfinite(number):
            return None
    except (ValueError, OverflowError):
        return None
    if expected is float:
        return float(number)
    whole = int(number)
    return whole if whole == number and abs(whole) < 2**63 else None


def is_left_out(value: object) -> bool:
    """Tell whether a value was left out before archiving, as personal."""
    return isinstance(value, Mapping) and value.keys() == {"redacted"}


def revealed(value: object) -> object:
    """Read what stands in place of a personal value: null, or its pseudonym as text."""
    if is_left_out(value):
        return None
    if isinstance(value, Mapping) and value.keys() == {"pseudonym"}:
        return f"pseudonym:{value['pseudonym']}"
    return value


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


def _field_of(path: str) -> str:
    """Name the field at a path, whichever elements of lists the path goes through."""
    return re.sub(r"\[\d+\]", "[]", path)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()[:200]


def json_type(value: object) -> str:
    """Name the JSON type of a value."""
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return "null" if value is None else names.get(type(value), "object")
