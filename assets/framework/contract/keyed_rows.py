"""Split a body that is either one row in `data` or an object of rows by name."""

import msgspec

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OBJECT_OR_NULL = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
# What an answer says about its only row beside it.
_ABOUT_ROW = ("success", "message")


def split_keyed_rows(body: bytes) -> list[msgspec.Raw]:
    """Return the rows of a body, undecoded, in order.

    The row in `data` gets `success` and `message` from beside it, unless it has them itself.

    Raises:
        msgspec.DecodeError: If it is no object.
    """
    by_name = _OBJECT.decode(body)
    if "data" not in by_name:
        return list(by_name.values())
    said = {name: by_name[name] for name in _ABOUT_ROW if name in by_name}
    if not said:
        return [by_name["data"]]
    try:
        row = _OBJECT_OR_NULL.decode(by_name["data"]) or {}
    except msgspec.ValidationError:
        return [by_name["data"]]
    return [msgspec.Raw(msgspec.json.encode(said | row))]
