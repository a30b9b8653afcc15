"""Single values of a response: numbers, values that were redacted, types, their text."""

import math
from collections.abc import Mapping

import msgspec

# The leaves of an object that stands for a value that was redacted before archiving.
REDACTED_KEYS = ({"redacted"}, {"pseudonym"})


def number_of(value: object, expected: type[float] | type[int] = float) -> float | int | None:
    """Return a number or a number written as text; None for anything else."""
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


def is_redacted(value: object) -> bool:
    """Return whether a value was redacted before archiving because it is personal."""
    return isinstance(value, Mapping) and value.keys() == {"redacted"}


def resolve_redaction(value: object) -> object:
    """Return null for a redacted value and the text of a pseudonym; any other value unchanged."""
    if is_redacted(value):
        return None
    if isinstance(value, Mapping) and value.keys() == {"pseudonym"}:
        return f"pseudonym:{value['pseudonym']}"
    return value


def json_type(value: object) -> str:
    """Return the name of a value's JSON type."""
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return "null" if value is None else names.get(type(value), "object")


def json_text(value: object) -> str:
    """Return the JSON of a value, up to 200 characters; infinity, which JSON lacks, by name."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return msgspec.json.encode(value).decode()[:200]
