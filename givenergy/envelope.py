"""Reading an answer's outer shape without building its content.

Nearly every answer is an object with `data`; paginated ones carry `meta` (API documentation,
Response Format and Pagination). What the rows mean belongs to the datasets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["Envelope", "Meta", "NotAnAnswerError", "read", "vendor_message"]


class Meta(msgspec.Struct):
    """The page's place in the whole list; what is absent is None."""

    current_page: int | None = None
    last_page: int | None = None
    per_page: int | str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The outer shape of a successful answer.

    Attributes:
        rows: Rows in `data`: of a list, or of an object keyed 0, 1, ... (recorded); None when
            `data` is a single thing.
        meta: The page's place in the whole list, None when the answer has none.
        content: The list's rows as sent; empty unless `data` is a list.
    """

    rows: int | None
    meta: Meta | None
    content: Sequence[msgspec.Raw] = ()

    @property
    def total(self) -> int | None:
        """Rows of the whole list, as far as the answer says."""
        return None if self.meta is None else self.meta.total


class _ListAnswer(msgspec.Struct):
    data: list[msgspec.Raw]
    meta: Meta | None = None


class _DataAnswer(msgspec.Struct):
    data: list[msgspec.Raw] | dict[str, msgspec.Raw] | str | float | bool | None


class _MetaAnswer(msgspec.Struct):
    meta: Meta | None = None


class _SingleAnswer(msgspec.Struct):
    data: Any = msgspec.UNSET


class _Message(msgspec.Struct):
    message: str = ""
    errors: dict[str, list[str]] | None = None


_LIST = msgspec.json.Decoder(_ListAnswer, strict=False)
_DATA = msgspec.json.Decoder(_DataAnswer)
_META = msgspec.json.Decoder(_MetaAnswer, strict=False)
_SINGLE = msgspec.json.Decoder(_SingleAnswer)
_BARE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MESSAGE = msgspec.json.Decoder(_Message)
_KINDS = {dict: "an object", str: "a text", float: "a number", bool: "a boolean"}


class NotAnAnswerError(Exception):
    """A 2xx body that is no answer of the API: `kind` is "not_json", "no_data" or "empty_body"."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def read(
    body: bytes, *, enveloped: bool = True, single: bool = False, listed: bool = False
) -> Envelope:
    """Check the body of a successful answer.

    Args:
        body: The body as received.
        enveloped: Whether the content must stand in `data`; otherwise any object with something in
            it will do.
        single: Whether `data` is one thing, of any kind, that may also be null.
        listed: Whether `data` is a list of objects.

    Raises:
        NotAnAnswerError: If it is empty, no JSON, or has no `data` of the kind that it must be.
    """
    if not body or body.isspace():
        raise NotAnAnswerError("empty_body", "The answer is empty.")
    try:
        # Skipping over strings does not look at their bytes; a decoder of the rows would fail.
        if not body.isascii():
            body.decode("utf-8")
        if not enveloped:
            return _bare(body)
        return _single(body) if single else _shape(body, listed)
    except msgspec.ValidationError as error:
        raise NotAnAnswerError("no_data", f"The answer has not the API's shape: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotAnAnswerError("not_json", f"The answer is not JSON: {error}.") from None


def _shape(body: bytes, listed: bool) -> Envelope:
    try:
        # One pass for the common case; the rows are slices of the body.
        answer = _LIST.decode(body)
    except msgspec.ValidationError:
        return _other_shape(body, listed)
    if listed:
        _check_rows(answer.data)
    return Envelope(len(answer.data), answer.meta, answer.data)


def _other_shape(body: bytes, listed: bool) -> Envelope:
    data, meta = _DATA.decode(body).data, _meta(body)
    if data is None:
        raise NotAnAnswerError("no_data", "The answer's data is null.")
    if isinstance(data, dict) and all(key.isdigit() for key in data):
        if listed:
            _check_rows(list(data.values()))
        return Envelope(len(data), meta)
    if isinstance(data, list):
        if listed:
            _check_rows(data)
        return Envelope(len(data), meta, data)
    if listed or not isinstance(data, dict):
        raise NotAnAnswerError(
            "no_data", f"The answer's data is {_KINDS[type(data)]} in place of what was asked for."
        )
    return Envelope(None, meta)


def _meta(body: bytes) -> Meta | None:
    """The page's place in the whole list; one that cannot be read counts as absent."""
    try:
        return _META.decode(body).meta
    except msgspec.ValidationError:
        return None


def _check_rows(rows: Sequence[msgspec.Raw]) -> None:
    if rows and not any(bytes(row).startswith(b"{") for row in rows):
        raise NotAnAnswerError(
            "no_data", f"The answer's data holds no row, but something else ({len(rows)})."
        )


def _bare(body: bytes) -> Envelope:
    if not _BARE.decode(body):
        raise NotAnAnswerError("no_data", "The answer is an object without content.")
    return Envelope(None, None)


def _single(body: bytes) -> Envelope:
    if _SINGLE.decode(body).data is msgspec.UNSET:
        raise NotAnAnswerError("no_data", "The answer has no data.")
    return Envelope(None, None)


def vendor_message(body: bytes) -> str:
    """What an unsuccessful answer says of itself, with the fields it objects to; "" if nothing."""
    try:
        said = _MESSAGE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    objections = [text for texts in (said.errors or {}).values() for text in texts]
    return " ".join([said.message, *objections]).strip()
