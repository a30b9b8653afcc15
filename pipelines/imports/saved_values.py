"""Read the JSON values of a file one by one, so that a file of any size can be read.

A file may hold one value, several (JSON lines), or a list; the elements of a list at the top count
as values of their own. A value keeps the text that it has in the file.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import msgspec

_CHUNK = 1 << 20
_MOST_CHARACTERS = 256 << 20
_SPACE = re.compile(r"[ \t\r\n]+")
# How far from the end of what has been read an error may mean that more is needed.
_NEAR = 16


class DamagedJsonError(Exception):
    """Text that is no JSON, or that ends in the middle; the message says where."""


@dataclass(frozen=True, slots=True)
class SavedValue:
    """A JSON value of a file.

    Attributes:
        value: The value as Python objects.
        text: Its text in the file.
        list_number: The number of the list at the top that it is an element of; None if it is
            none's.
    """

    value: Any
    text: str
    list_number: int | None

    def compact(self) -> bytes:
        """Return its JSON without spaces; numbers keep their digits.

        Raises:
            DamagedJsonError: It is no valid JSON, such as with NaN.
        """
        return compact(self.text)


def compact(text: str | bytes) -> bytes:
    """Return JSON without spaces; numbers keep their digits.

    Raises:
        DamagedJsonError: It is no valid JSON, such as with NaN.
    """
    try:
        raw = text.encode() if isinstance(text, str) else text
        return msgspec.json.format(raw, indent=-1)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise DamagedJsonError(f"it has a value that is no JSON ({error})") from error


def saved_values(stream: IO[bytes]) -> Iterator[SavedValue]:
    """Yield the values of a file.

    Args:
        stream: UTF-8, or UTF-16 with a mark, as some shells write it.

    Raises:
        DamagedJsonError: The rest of the file is no JSON; the values before have been yielded.
    """
    return _Values(stream).read()


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text that begins with these bytes: UTF-8, or UTF-16 with a mark."""
    is_utf_16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return "utf-16" if is_utf_16 else "utf-8-sig"


class _Values:
    def __init__(self, stream: IO[bytes]) -> None:
        head = stream.read(_CHUNK)
        self._decoder = codecs.getincrementaldecoder(encoding_of(head))()
        self._stream = stream
        self._parser = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self._before = 0
        self._at_end = False
        self._add(head)

    def read(self) -> Iterator[SavedValue]:
        lists = 0
        while (first := self._next()) is not None:
            if first != "[":
                yield self._value(None)
                continue
            lists += 1
            self._at += 1
            yield from self._elements(lists)

    def _elements(self, number: int) -> Iterator[SavedValue]:
        if self._next() == "]":
            self._at += 1
            return
        while True:
            yield self._value(number)
            mark = self._next()
            if mark not in (",", "]"):
                raise self._damaged("the list ends in the middle" if mark is None else "no comma")
            self._at += 1
            if mark == "]":
                return
            self._next()

    def _value(self, list_number: int | None) -> SavedValue:
        while True:
            try:
                value, end = self._parser.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut_off = error.pos >= len(self._text) - _NEAR or "Unterminated" in error.msg
                if self._at_end or not cut_off:
                    raise self._damaged(error.msg, error.pos) from error
            except RecursionError as error:
                raise self._damaged("it is nested too deeply") from error
            except ValueError as error:  # a number of more digits than Python converts
                raise self._damaged(str(error).partition(";")[0]) from error
            else:
                # A number at the end of what has been read can go on.
                if end < len(self._text) or self._at_end or isinstance(value, dict | list | str):
                    text = self._text[self._at : end]
                    self._at = end
                    return SavedValue(value, text, list_number)
            if len(self._text) - self._at > _MOST_CHARACTERS:
                raise self._damaged("a single value is larger than 256 MB")
            self._fill()

    def _next(self) -> str | None:
        """Go to the next character that is no space; None at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = self._at if found is None else found.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if self._at_end:
                return None
            self._fill()

    def _fill(self) -> None:
        left = len(self._text) - self._at
        self._before += self._at
        self._text, self._at = self._text[self._at :], 0
        self._add(self._stream.read(max(_CHUNK, left)))

    def _add(self, piece: bytes) -> None:
        self._at_end = not piece
        try:
            self._text += self._decoder.decode(piece, final=self._at_end)
        except UnicodeDecodeError as error:
            raise DamagedJsonError("it is no text") from error

    def _damaged(self, why: str, at: int | None = None) -> DamagedJsonError:
        place = self._before + (self._at if at is None else at)
        if not place:
            return DamagedJsonError("it is neither JSON nor CSV")
        return DamagedJsonError(f"it is no JSON from character {place + 1:,} on ({why})")
