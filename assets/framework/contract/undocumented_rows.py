"""Split the body of a response whose shape nobody documents into rows.

The content is in `data`, as nearly everywhere, or is the body itself. It is a list of rows; an
object of rows by name; an object with one list or object of rows, beside leaves about all of them;
or a single row. A row gets the name that it has in an object as `key`, and the leaves about all
rows as `answer`. A value that was redacted before archiving counts as the value that it was.
"""

import msgspec

from assets.framework.contract.json_values import REDACTED_KEYS

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_Leaves = dict[str, msgspec.Raw]
# An empty list of another name belongs to the only row, such as the types of a lock.
_NAMES_OF_ROWS = frozenset(
    ("data", "slots", "locks", "checks", "items", "actions", "schedule", "profiles")
)
# What a check can be in a word: the documented statuses, and others that are likely.
_STATUSES = frozenset(
    (b"ok", b"warning", b"error", b"good", b"healthy", b"normal", b"fault", b"critical", b"unknown")
)
# Such a word of these names is about all checks.
_STATUS_OF_ALL = frozenset(("status", "state", "result", "level", "overall", "overall_status"))


def split_rows(
    body: bytes, *, has_names: bool, has_lists: bool, has_bare_values: bool
) -> list[msgspec.Raw]:
    """Return the rows of a body, undecoded, in order; none if it is empty or null.

    Args:
        body: The body, which is JSON.
        has_names: Whether an object of objects has rows by name.
        has_lists: Whether a list in an object is a list of rows.
        has_bare_values: Whether a row in an object can be the bare status of a check, which becomes
            `value`.

    Raises:
        msgspec.DecodeError: If it is not JSON.
    """
    content = msgspec.Raw(body.strip())
    if _is(content, b"{"):
        content = _OBJECT.decode(content).get("data", content)
    if _is(content, b"["):
        return _LIST.decode(content)
    if not _is(content, b"{"):
        return [] if bytes(content) == b"null" else [content]
    leaves = _OBJECT.decode(content)
    if has_lists and (of_rows := _name_of_rows(leaves, has_bare_values)) is not None:
        rows = _rows_in(leaves.pop(of_rows))
    elif has_bare_values:
        rows = _by_name({name: value for name, value in leaves.items() if _is_check(name, value)})
        leaves = {name: value for name, value in leaves.items() if not _is_check(name, value)}
        if not rows:
            return [content] if leaves else []
    elif has_names and all(map(_is_object, leaves.values())):
        return _by_name(leaves)
    else:
        return [content] if leaves else []
    return [_with(row, "answer", leaves) for row in rows] if leaves else rows


def _is(value: msgspec.Raw, bracket: bytes) -> bool:
    return bytes(memoryview(value)[:1]) == bracket


def _is_object(value: msgspec.Raw) -> bool:
    """Return whether a value is an object, and not one that stands for a redacted value."""
    return _is(value, b"{") and _OBJECT.decode(value).keys() not in REDACTED_KEYS


def _is_check(name: str, value: msgspec.Raw) -> bool:
    """Return whether a leaf is a row by name: an object, or one of the statuses of a check."""
    if _is_object(value):
        return True
    text = bytes(value).strip(b'"').lower()
    return name not in _STATUS_OF_ALL and _is(value, b'"') and text in _STATUSES


def _name_of_rows(leaves: _Leaves, has_bare_values: bool) -> str | None:
    """Return the name of what contains the rows.

    It is the only list with objects, or the only one of a likely name; else an object of a likely
    name with rows by name; else an empty list of a likely name.
    """
    lists = {name: _LIST.decode(value) for name, value in leaves.items() if _is(value, b"[")}
    found = [name for name, rows in lists.items() if any(map(_is_object, rows))]
    if len(found) > 1:
        found = [name for name in found if name in _NAMES_OF_ROWS]
    elif not found:
        found = [
            name
            for name, value in leaves.items()
            if name in _NAMES_OF_ROWS and _is_object(value) and _has_rows(value, has_bare_values)
        ] or [name for name, rows in lists.items() if not rows and name in _NAMES_OF_ROWS]
    return found[0] if len(found) == 1 else None


def _has_rows(value: msgspec.Raw, has_bare_values: bool) -> bool:
    leaves = _OBJECT.decode(value)
    return all(
        _is_object(leaf) or (has_bare_values and _is_check(name, leaf))
        for name, leaf in leaves.items()
    )


def _rows_in(value: msgspec.Raw) -> list[msgspec.Raw]:
    return _LIST.decode(value) if _is(value, b"[") else _by_name(_OBJECT.decode(value))


def _by_name(leaves: _Leaves) -> list[msgspec.Raw]:
    return [_named(value, name) for name, value in leaves.items()]


def _named(value: msgspec.Raw, name: str) -> msgspec.Raw:
    if not (_is_object(value) or _is(value, b"[")):
        value = msgspec.Raw(msgspec.json.encode({"value": value}))
    # A list that lacks some of its elements can come as an object keyed by index.
    return value if name.isdigit() else _with(value, "key", name)


def _with(row: msgspec.Raw, leaf: str, value: object) -> msgspec.Raw:
    """Return a row with one leaf more, unless it has that; what is no object is left as it is."""
    if not _is(row, b"{"):
        return row
    return msgspec.Raw(msgspec.json.encode({leaf: value} | _OBJECT.decode(row)))
