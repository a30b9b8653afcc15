"""The definition of an endpoint: method, path, scope, paging, limits, personal data.

Which endpoints there are is defined in the package; what a response means in the datasets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from givenergy.budget.request_budget import OwnLimit
from givenergy.errors import UnusableNameError

__all__ = ["PAGING", "Endpoint", "unlisted"]

# A server or proxy that decodes the path, even twice, finds the same segments.
_PLAIN_SEGMENT = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
# What would end the segment there; a semicolon does after dots, for some servers.
_ENDS_SEGMENT = re.compile(r"[/\\%?#\x00-\x1f\x7f]|^\.{0,2}(;|$)")
_PLAIN = "up to 64 letters, digits, - and _"
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
# The leaves of `meta` that paging needs; they contain nothing personal.
PAGING = frozenset(
    f"meta.{name}" for name in ("current_page", "from", "last_page", "per_page", "to", "total")
)
# Where a row can be in a response whose shape is not documented.
_PLACES_OF_ROWS = ("data[].", "data.", "[].", "")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of the API.

    Attributes:
        name: The name, also of its budget bucket if the endpoint has its own limit.
        method: `GET`, or `POST` for a read that takes a body.
        path: Path below the base URL, with `{name}` for each parameter.
        scope: The token scope that it needs; several are separated by a space.
        account_type: The type of account that it needs; "any" if every type will do.
        page_size: Rows requested per page; None if the endpoint is not paginated.
        newest_first: Whether new rows are added at the front of the list.
        since: The version of the API in which it was added; 1.26 has whatever earlier ones have.
        deprecated_since: The version of the API that calls it deprecated; None: it does not.
        enveloped: Whether the content of the response is in `data`, as for nearly all endpoints.
        single: Whether `data` is a single value that may be null.
        is_list: Whether `data` is a list of objects; always true if paginated.
        reads: Whether it only reads. An endpoint that does not may affect only the owner.
        asks_device: Whether the platform passes the request on to the device, which makes it slow.
            It is sent only by a client that was opened for it, and never a second time.
        numbers: The path's parameters that are whole numbers.
        limit: The endpoint's own limit; None if it counts towards the account's.
        keep: On endpoints with personal data or secrets, the leaves that are kept (dotted paths
            from the top of the body, `[]` for any element); None keeps all.
        keep_values: Whether booleans, numbers, dates and times are kept of the other leaves too,
            except integers of eight or more digits: for shapes that are not documented.
        personal: Of the other leaves, the documented ones that the owner may choose to keep.
        pseudonymise: Of the other leaves, those replaced by a pseudonym, so that equal values can
            be recognised; the owner may choose to keep them too.
        plain: Values of these that identify nobody and are kept, in capitals.
    """

    name: str
    method: str
    path: str
    scope: str
    account_type: str = "any"
    page_size: int | None = None
    newest_first: bool = False
    since: str = "1.26"
    deprecated_since: str | None = None
    enveloped: bool = True
    single: bool = False
    is_list: bool = False
    reads: bool = True
    asks_device: bool = False
    numbers: frozenset[str] = frozenset()
    limit: OwnLimit | None = None
    keep: frozenset[str] | None = None
    keep_values: bool = False
    personal: frozenset[str] = frozenset()
    pseudonymise: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.page_size is not None:
            object.__setattr__(self, "is_list", True)

    @property
    def is_later(self) -> bool:
        """Whether the first documented version of the API lacks it, as an account's may."""
        return self.since != "1.26"

    def url_path(self, parameters: Mapping[str, str]) -> str:
        """Return the path with its parameters, percent-encoded so that none leaves its segment.

        Raises:
            UnusableNameError: If a parameter cannot be used as a path segment.
            ValueError: If a parameter is missing or unknown.
        """
        segments = []
        used = set()
        for segment in self.path.split("/"):
            if not segment.startswith("{"):
                segments.append(segment)
                continue
            name = segment.strip("{}")
            used.add(name)
            if name not in parameters:
                raise ValueError(f"{self.name} needs the path parameter {name!r}.")
            value = parameters[name]
            if name in self.numbers:
                _check(_NUMBER, name, value, "a whole number")
            elif self.method != "GET":
                _check(_PLAIN_SEGMENT, name, value, _PLAIN)
            segments.append(_segment(name, value))
        if unknown := set(parameters) - used:
            raise ValueError(f"{self.name} has no path parameter {sorted(unknown)[0]!r}.")
        return "/".join(segments)

    def check_body(self, body: Mapping[str, Any] | None) -> None:
        """Check that a body for devices holds numbers and plain names only.

        Raises:
            UnusableNameError: If it holds anything else.
        """
        if not self.asks_device or body is None:
            return
        for name, value in body.items():
            for each in value if isinstance(value, list) else [value]:
                if not isinstance(each, int):
                    _check(_PLAIN_SEGMENT, name, each if isinstance(each, str) else "", _PLAIN)


def unlisted(*leaves: str) -> frozenset[str]:
    """Return the paths of leaves of a row in a response whose shape is not documented.

    It can be a row of a list, of an object keyed by index, or the only one, in `data` or not.
    """
    return frozenset(f"{above}{leaf}" for above in _PLACES_OF_ROWS for leaf in leaves)


def _check(pattern: re.Pattern[str], name: str, value: str, needed: str) -> None:
    if not pattern.fullmatch(value):
        raise UnusableNameError(f"{value[:80]!r} cannot be used as {name}: it must be {needed}.")


def _segment(name: str, value: str) -> str:
    # HTTP clients resolve "." and ".." even when percent-encoded, and a GET can command too.
    if _ENDS_SEGMENT.search(value):
        raise UnusableNameError(
            f"{value[:80]!r} cannot be used as {name}: use the name that the API lists, without"
            " control characters, /, \\, %, ? and #."
        )
    return quote(value, safe="")
