"""Read the envelope of a response without decoding its content.

Nearly every response is an object with `data`; paginated ones have `meta` (API documentation,
Response Format and Pagination). What the rows mean is defined by the datasets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from givenergy.json_decoding import decode_json

__all__ = [
    "Envelope",
    "InvalidResponseError",
    "Meta",
    "describe_foreign",
    "error_message",
    "read_envelope",
]


class Meta(msgspec.Struct):
    """The page's position in the whole list; absent fields are None."""

    current_page: int | None = None
    last_page: int | None = None
    per_page: int | str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The envelope of a successful response.

    Attributes:
        rows: Rows in `data`: of a list, or of an object keyed 0, 1, ... (recorded); None when
            `data` is a single object.
        meta: The page's position in the whole list, None if the response has none.
        content: The rows as sent; empty unless `data` is a list.
    """

    rows: int | None
    meta: Meta | None
    content: Sequence[msgspec.Raw] = ()

    @property
    def total(self) -> int | None:
        """Rows of the whole list; None if the response does not say."""
        total = None if self.meta is None else self.meta.total
        return None if total is None or total < 0 else total

    @property
    def page_count(self) -> int | None:
        """Pages of the whole list; None if the response does not say."""
        pages = None if self.meta is None else self.meta.last_page
        return None if pages is None or pages < 1 else pages


class _ListBody(msgspec.Struct):
    data: list[msgspec.Raw]
    meta: Meta | None = None


class _DataBody(msgspec.Struct):
    data: list[msgspec.Raw] | dict[str, msgspec.Raw] | str | float | bool | None


class _MetaBody(msgspec.Struct):
    meta: Meta | None = None


class _SingleBody(msgspec.Struct):
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _ErrorBody(msgspec.Struct):
    message: str
    errors: Any = None


_LIST = msgspec.json.Decoder(_ListBody, strict=False)
_DATA = msgspec.json.Decoder(_DataBody)
_META = msgspec.json.Decoder(_MetaBody, strict=False)
_SINGLE = msgspec.json.Decoder(_SingleBody)
_BARE = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[msgspec.Raw])
_ERROR = msgspec.json.Decoder(_ErrorBody)
_TITLE = re.compile(rb"(?is)<title[^>]*>(.{1,200}?)</title>")
_HTML = re.compile(rb"(?i)\s*(<!doctype html|<html|<head|<body)")
_KINDS = {dict: "an object", str: "a string", float: "a number", bool: "a boolean"}


class InvalidResponseError(Exception):
    """The body of a 2xx response is invalid: `kind` is "not_json", "no_data" or "empty_body"."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def read_envelope(
    body: bytes,
    *,
    enveloped: bool = True,
    may_be_empty: bool = False,
    single: bool = False,
    listed: bool = False,
) -> Envelope:
    """Check the body of a successful response and return its envelope.

    Args:
        body: The body as received.
        enveloped: Whether the content must be in `data`; otherwise any list or object is valid.
        may_be_empty: Whether an object without leaves is valid, if the content is not in `data`.
        single: Whether `data` is a single value, of any type, that may also be null.
        listed: Whether `data` is a list of objects.

    Raises:
        InvalidResponseError: If it is empty, not JSON, or has no `data` of the expected type.
    """
    if not body or body.isspace():
        raise InvalidResponseError("empty_body", "The response is empty.")
    try:
        # Raw values are not checked to be UTF-8; decoding the rows later would fail.
        if not body.isascii():
            body.decode("utf-8")
        if not enveloped:
            return _bare(body, may_be_empty)
        return _single(body) if single else _shape(body, listed)
    except msgspec.ValidationError as error:
        raise InvalidResponseError(
            "no_data", f"The response has an unexpected structure: {error}."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidResponseError("not_json", f"The response is not JSON: {error}.") from None


def _shape(body: bytes, listed: bool) -> Envelope:
    try:
        # One pass for the common case; the rows are slices of the body.
        decoded = _LIST.decode(body)
    except msgspec.ValidationError:
        return _other_shape(body, listed)
    if listed:
        _check_rows(decoded.data)
    return Envelope(len(decoded.data), decoded.meta, decoded.data)


def _other_shape(body: bytes, listed: bool) -> Envelope:
    data, meta = _DATA.decode(body).data, _meta(body)
    if data is None:
        raise InvalidResponseError("no_data", "The response's data is null.")
    if isinstance(data, dict) and all(key.isdigit() for key in data):
        if listed:
            _check_rows(list(data.values()))
        return Envelope(len(data), meta)
    if isinstance(data, list):
        if listed:
            _check_rows(data)
        return Envelope(len(data), meta, data)
    if listed or not isinstance(data, dict):
        raise InvalidResponseError(
            "no_data", f"The response's data is {_KINDS[type(data)]} instead of the requested rows."
        )
    return Envelope(None, meta)


def _meta(body: bytes) -> Meta | None:
    """Return the page's position in the whole list; invalid `meta` counts as absent."""
    try:
        return _META.decode(body).meta
    except msgspec.ValidationError:
        return None


def _check_rows(rows: Sequence[msgspec.Raw]) -> None:
    if rows and not any(bytes(row).startswith(b"{") for row in rows):
        raise InvalidResponseError(
            "no_data", f"The response's data contains {len(rows)} elements, but no row."
        )


def _bare(body: bytes, may_be_empty: bool) -> Envelope:
    content = _BARE.decode(body)
    if isinstance(content, list) or (may_be_empty and not content):
        return Envelope(len(content), None)
    if not content:
        raise InvalidResponseError("no_data", "The response is an empty object.")
    return Envelope(None, None)


def _single(body: bytes) -> Envelope:
    if _SINGLE.decode(body).data is msgspec.UNSET:
        raise InvalidResponseError("no_data", "The response has no data.")
    return Envelope(None, None)


def error_message(body: bytes) -> str | None:
    """Return the message of an error response, with the fields it rejects.

    The API's error responses are objects with a text `message` (API documentation, Response Codes),
    whatever their content type says. A page of a firewall, proxy or network login is not.

    Returns:
        The message, which may be empty; None if the body is not an error response of the API.
    """
    try:
        error = _ERROR.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    fields = error.errors.values() if isinstance(error.errors, dict) else ()
    rejections = [text for texts in fields if isinstance(texts, list) for text in texts]
    return " ".join([error.message, *filter(_is_text, rejections)]).strip()


def describe_foreign(body: bytes) -> str:
    """Return what a body is that is not the API's, for messages."""
    if not body or body.isspace():
        return "an empty response"
    title = _TITLE.search(body)
    if title is not None:
        words = " ".join(title[1].decode("utf-8", "replace").split())
        return f'the HTML page "{words}"'
    if _HTML.match(body):
        return "an HTML page"
    try:
        decode_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "text"
    return "JSON without a message"


def _is_text(value: object) -> bool:
    return isinstance(value, str)
