"""Pages of a listing, with the quirks that recordings show.

Belongs here: page numbers and sizes, ``links`` that drop ``pageSize`` and filters, ``meta``.
Does not belong here: what is listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from simulator.answers import ApiError

DEFAULT_SIZE = 15
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageWish:
    """The page asked for, from 1, and the size that will be given."""

    number: int
    size: int

    @classmethod
    def of(cls, query: Mapping[str, str], cap: int) -> "PageWish":
        """Reads ``page`` and ``pageSize``. Raises ``ApiError`` 422 unless both are 1 or more."""
        return cls(
            _positive(query, "page", 1), min(_positive(query, "pageSize", DEFAULT_SIZE), cap)
        )


def _positive(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        raise ApiError.invalid(**{name: f"The {name} must be an integer of at least 1."})
    return int(text)


def page_body(rows: Sequence[bytes], wish: PageWish, url: str) -> bytes:
    """The JSON text of one page of rows that are JSON texts already; see ``page_of_rows``."""
    return _enveloped(_shown(rows, wish), len(rows), wish, url)


def page_of_rows(rows: Sequence[Any], wish: PageWish, url: str) -> bytes:
    """The JSON text of one page; ``url`` is the listing's address without parameters.

    A page past the last has an empty ``data`` and is no error. Of ``rows`` only the shown slice is
    looked at.
    """
    shown = [orjson.dumps(row) for row in _shown(rows, wish)]
    return _enveloped(shown, len(rows), wish, url)


def _shown(rows: Sequence[T], wish: PageWish) -> Sequence[T]:
    start = (wish.number - 1) * wish.size
    return rows[start : start + wish.size]


def _enveloped(shown: Sequence[bytes], total: int, wish: PageWish, url: str) -> bytes:
    start = (wish.number - 1) * wish.size
    last = max(-(-total // wish.size), 1)
    links = {
        "first": f"{url}?page=1",
        "last": f"{url}?page={last}",
        "prev": f"{url}?page={wish.number - 1}" if wish.number > 1 else None,
        "next": f"{url}?page={wish.number + 1}" if wish.number < last else None,
    }
    meta = {
        "current_page": wish.number,
        "from": start + 1 if shown else None,
        "last_page": last,
        "path": url,
        "per_page": wish.size,
        "to": start + len(shown) if shown else None,
        "total": total,
    }
    return b'{"data":[%b],"links":%b,"meta":%b}' % (
        b",".join(shown),
        orjson.dumps(links),
        orjson.dumps(meta),
    )
