"""A request as the API reads it, and its refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

DEFAULT_PAGE_SIZE = 15
_ARRAY = re.compile(r"(\w+)\[\d*\]")
_TRUE, _FALSE = (1, "1", True), (None, "", 0, "0", False)
_MOST_DIGITS = 9


class RefusedError(Exception):
    """A request that is answered with an error: status, message and what is invalid."""

    def __init__(self, status: int, message: str, **invalid: str) -> None:
        """Refuse a request.

        Args:
            status: The HTTP status.
            message: The API's `message`.
            invalid: What is wrong with each parameter.
        """
        super().__init__(message)
        self.status = status
        self.content: dict[str, Any] = {"message": message}
        if invalid:
            self.content["errors"] = {name: [text] for name, text in invalid.items()}

    @classmethod
    def invalid(cls, **invalid: str) -> RefusedError:
        """Return the refusal of parameters."""
        return cls(422, "The given data was invalid.", **invalid)


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """A request.

    Attributes:
        url: Its address without the query.
        path: The path below the base URL, as the archive has it.
        names: The parameters of the path.
        parameters: Those of the query and the body.
        is_known: Whether the archive knows the device.
        zone: The time zone of the days.
    """

    url: str
    path: str
    names: Mapping[str, str]
    parameters: Mapping[str, Any]
    is_known: bool = False
    zone: str = "UTC"

    @property
    def page(self) -> int:
        """The page, from 1."""
        return self.positive("page", 1)

    @property
    def page_size(self) -> int:
        """The number of rows of a page."""
        return self.positive("pageSize", DEFAULT_PAGE_SIZE)

    @property
    def device(self) -> str:
        """The first parameter of the path."""
        return next(iter(self.names.values()), "")

    def positive(self, name: str, default: int | None = None) -> int:
        """Return a whole number of at least 1.

        Raises:
            RefusedError: It is missing, without a default, or anything else.
        """
        text = str(self.parameters.get(name, "" if default is None else default))
        if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS or int(text) < 1:
            raise RefusedError.invalid(**{name: f"The {name} must be an integer of at least 1."})
        return int(text)

    def code(self, name: str) -> int:
        """Return a required code.

        Raises:
            RefusedError: It is missing or no whole number.
        """
        text = str(self.parameters.get(name, ""))
        if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
            raise RefusedError.invalid(**{name: f"The selected {name} is invalid."})
        return int(text)

    def is_set(self, name: str) -> bool:
        """Return a boolean, which is false by default.

        Raises:
            RefusedError: It is no boolean of the API.
        """
        value = self.parameters.get(name)
        if isinstance(value, list | dict) or value not in _TRUE + _FALSE:
            raise RefusedError.invalid(**{name: f"The {name} field must be true or false."})
        return value in _TRUE

    def numbers(self, name: str) -> frozenset[int] | None:
        """Return an array of whole numbers; None if it is missing or empty.

        Raises:
            RefusedError: It is anything else.
        """
        value = self.parameters.get(name)
        if value in (None, "", []):
            return None
        if not isinstance(value, list):
            raise RefusedError.invalid(**{name: f"The {name} must be an array."})
        try:
            return frozenset(int(str(each)) for each in value)
        except ValueError:
            raise RefusedError.invalid(**{name: f"The selected {name} is invalid."}) from None

    def text(self, name: str) -> str:
        """Return a required text.

        Raises:
            RefusedError: It is missing.
        """
        value = self.parameters.get(name)
        if not isinstance(value, str) or not value:
            shown = name.replace("_", " ")
            raise RefusedError.invalid(**{name: f"The {shown} field is required."})
        return value

    def label(self, name: str) -> str:
        """Return a required local time as `YYYY-MM-DD HH:MM`; a day is its start.

        Raises:
            RefusedError: It is missing or no time.
        """
        text = self.parameters.get(name)
        try:
            moment = datetime.fromisoformat(text if isinstance(text, str) else "")
        except ValueError:
            raise RefusedError.invalid(**{name: _no_date(name)}) from None
        if moment.tzinfo is not None:
            moment = moment.astimezone(ZoneInfo(self.zone))
        return moment.strftime("%Y-%m-%d %H:%M")

    def moment(self, name: str, default: datetime | None = None) -> datetime:
        """Return a moment in UTC; a day is its start.

        Raises:
            RefusedError: It is no date or moment, or missing without a default.
        """
        value = self.parameters.get(name)
        if value in (None, "") and default is not None:
            return default
        try:
            return in_utc(str(value))
        except ValueError:
            raise RefusedError.invalid(**{name: _no_date(name)}) from None

    def day(self, name: str) -> date:
        """Return a day of the path.

        Raises:
            RefusedError: It is none.
        """
        try:
            return date.fromisoformat(self.names[name])
        except ValueError:
            raise RefusedError.invalid(**{name: _no_date(name)}) from None


def in_utc(text: str) -> datetime:
    """Return a moment as the API writes it; without an offset it is UTC.

    Raises:
        ValueError: It is none.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parameters_of(query: Sequence[tuple[str, str]], body: Mapping[str, Any]) -> dict[str, Any]:
    """Unite the parameters of query and body; a list is written `name[]` in a query."""
    found: dict[str, Any] = {}
    for name, text in query:
        array = _ARRAY.fullmatch(name)
        if array is None:
            found[name] = text
        else:
            found.setdefault(array[1], []).append(text)
    return {**found, **{name.removesuffix("[]"): value for name, value in body.items()}}


def _no_date(name: str) -> str:
    return f"The {name.replace('_', ' ')} is not a valid date."
