"""Pages of a listing, with the quirks that recordings show.

Belongs here: page numbers and sizes, `links` that omit `pageSize` and filters, `meta`. Does not
belong here: the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from simulator.http.messages import ApiError

DEFAULT_SIZE = 15


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The requested page, from 1, and the size that it will have."""

    number: int
    size: int

    @classmethod
    def of(cls, query: Mapping[str, str], cap: int) -> "PageRequest":
        """Parse `page` and `pageSize`. Raises `ApiError` 422 unless both are 1 or more."""
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


def page_body(rows: Sequence[Any], page: PageRequest, url: str) -> bytes:
    """Return the JSON of one page; rows that are bytes are JSON already.

    Args:
        rows: All rows of the listing, of which only the page's are accessed.
        page: The page; past the last one `data` is empty, which is not an error.
        url: The listing's address without query.
    """
    start = (page.number - 1) * page.size
    shown = [
        row if isinstance(row, bytes) else msgspec.json.encode(row)
        for row in rows[start : start + page.size]
    ]
    total = len(rows)
    last = max(-(-total // page.size), 1)
    links = {
        "first": f"{url}?page=1",
        "last": f"{url}?page={last}",
        "prev": f"{url}?page={page.number - 1}" if page.number > 1 else None,
        "next": f"{url}?page={page.number + 1}" if page.number < last else None,
    }
    meta = {
        "current_page": page.number,
        "from": start + 1 if shown else None,
        "last_page": last,
        "path": url,
        "per_page": page.size,
        "to": start + len(shown) if shown else None,
        "total": total,
    }
    return b'{"data":[%b],"links":%b,"meta":%b}' % (
        b",".join(shown),
        msgspec.json.encode(links),
        msgspec.json.encode(meta),
    )
