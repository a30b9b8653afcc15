"""Reading an answer's outer shape without building its content.

Every answer is an object with `data`; paginated ones carry `meta` (API documentation, Response
Format and Pagination). What the rows mean belongs to the datasets.
"""

from __future__ import annotations

import msgspec

__all__ = ["Envelope", "Meta", "NotAnAnswerError", "boundary_rows", "read", "vendor_message"]


class Meta(msgspec.Struct):
    """The page's place in the whole list; what is absent is None."""

    current_page: int | None = None
    last_page: int | None = None
    per_page: int | str | None = None
    total: int | None = None


class Envelope(msgspec.Struct):
    """The outer shape of a successful answer."""

    data: msgspec.Raw
    meta: Meta | None = None

    @property
    def rows(self) -> int | None:
        """Rows in `data`: of a list, or of an object keyed 0, 1, ... (recorded); None otherwise."""
        first = bytes(self.data[:1]) if isinstance(self.data, bytes) else bytes(self.data)[:1]
        if first == b"[":
            return len(_LIST.decode(self.data))
        if first == b"{":
            keys = _OBJECT.decode(self.data)
            return len(keys) if all(key.isdigit() for key in keys) else None
        return None


class _Message(msgspec.Struct):
    message: str = ""
    errors: dict[str, list[str]] | None = None


_ENVELOPE = msgspec.json.Decoder(Envelope)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MESSAGE = msgspec.json.Decoder(_Message)


class NotAnAnswerError(Exception):
    """A 2xx body that is no answer of the API: `kind` is "not_json", "no_data" or "empty_body"."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def read(body: bytes) -> Envelope:
    """Check the body of a successful answer.

    Raises:
        NotAnAnswerError: If it is empty, no JSON, or has no `data`.
    """
    if not body.strip():
        raise NotAnAnswerError("empty_body", "The answer is empty.")
    try:
        envelope = _ENVELOPE.decode(body)
        # Skipping over strings does not look at their bytes; a decoder of the rows would fail.
        body.isascii() or body.decode("utf-8")
    except msgspec.ValidationError as error:
        raise NotAnAnswerError("no_data", f"The answer has not the API's shape: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotAnAnswerError("not_json", f"The answer is not JSON: {error}.") from None
    if bytes(envelope.data) == b"null":
        raise NotAnAnswerError("no_data", "The answer's data is null.")
    return envelope


def boundary_rows(envelope: Envelope) -> tuple[bytes, bytes] | None:
    """The first and last row of a list as sent, None if it has none."""
    if bytes(envelope.data)[:1] != b"[":
        return None
    rows = _LIST.decode(envelope.data)
    return (bytes(rows[0]), bytes(rows[-1])) if rows else None


def vendor_message(body: bytes) -> str:
    """What an unsuccessful answer says of itself, with the fields it objects to; "" if nothing."""
    try:
        said = _MESSAGE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    objections = [text for texts in (said.errors or {}).values() for text in texts]
    return " ".join([said.message, *objections]).strip()
