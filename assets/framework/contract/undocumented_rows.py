"""Split the body of a response whose shape nobody documents into rows.

The content is in `data`, as nearly everywhere, or is the body itself. It is a list of rows; an
object of rows by name; an object with one list of rows, beside leaves about all of them; or a
single row. A row gets the name that it has in an object as `key`, and the leaves about all rows as
`answer`. A value that was redacted before archiving counts as the value that it was.
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


def split_rows(
    body: bytes, *, has_names: bool, has_lists: bool, has_bare_values: bool
) -> list[msgspec.Raw]:
    """Return the rows of a body, undecoded, in order; none if it is empty or null.

    Args:
        body: The body, which is JSON.
        has_names: Whether an object of objects has rows by name.
        has_lists: Whether a list in an object is a list of rows.
        has_bare_values: Whether a row in an object can be a bare value, which becomes `value`.

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
    if has_lists and (listed := _only_list(leaves)) is not None:
        about_all = {name: value for name, value in leaves.items() if name != listed}
        rows = _LIST.decode(leaves[listed])
        return [_with(row, "answer", about_all) for row in rows] if about_all else rows
    if has_bare_values or (has_names and all(map(_is_object, leaves.values()))):
        return [_named(value, name) for name, value in leaves.items()]
    return [content] if leaves else []


def _is(value: msgspec.Raw, bracket: bytes) -> bool:
    return bytes(memoryview(value)[:1]) == bracket


def _is_object(value: msgspec.Raw) -> bool:
    """Return whether a value is an object, and not one that stands for a redacted value."""
    return _is(value, b"{") and _OBJECT.decode(value).keys() not in REDACTED_KEYS


def _only_list(leaves: _Leaves) -> str | None:
    """Return the name of the only list with objects, or else of an empty list of rows."""
    lists = {name: _LIST.decode(value) for name, value in leaves.items() if _is(value, b"[")}
    found = [name for name, rows in lists.items() if any(map(_is_object, rows))]
    if not found:
        found = [name for name, rows in lists.items() if not rows and name in _NAMES_OF_ROWS]
    return found[0] if len(found) == 1 else None


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
