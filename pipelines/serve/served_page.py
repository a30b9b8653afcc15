"""The answers of the API: a page of a list with `links` and `meta`, and content in `data`."""

from collections.abc import Sequence

import msgspec

from pipelines.serve.served_request import ServedRequest


def page_of(rows: Sequence[bytes], request: ServedRequest) -> bytes:
    """Return the page of a list that a request names; one past the end is empty.

    Args:
        rows: All rows, as JSON.
        request: The request.

    Raises:
        RefusedError: The page is none.
    """
    skipped = (request.page - 1) * request.page_size
    return page_with(rows[skipped : skipped + request.page_size], len(rows), request)


def page_with(rows: Sequence[bytes], total: int, request: ServedRequest) -> bytes:
    """Return a page with its rows.

    Args:
        rows: The rows of the page, as JSON.
        total: The rows of the whole list.
        request: The request, of which the links have neither page size nor filters.
    """
    page, size = request.page, request.page_size
    skipped = (page - 1) * size
    last = max(1, (total + size - 1) // size)

    def link(number: int, is_there: bool = True) -> str | None:
        return f"{request.url}?page={number}" if is_there else None

    envelope = {
        "data": [msgspec.Raw(row) for row in rows],
        "links": {
            "first": link(1),
            "last": link(last),
            "prev": link(page - 1, page > 1),
            "next": link(page + 1, page < last),
        },
        "meta": {
            "current_page": page,
            "from": skipped + 1 if rows else None,
            "last_page": last,
            "path": request.url,
            "per_page": size,
            "to": skipped + len(rows) if rows else None,
            "total": total,
        },
    }
    return msgspec.json.encode(envelope)


def data_of(content: object) -> bytes:
    """Return content in `data`."""
    return msgspec.json.encode({"data": content})


def list_of(rows: Sequence[bytes]) -> bytes:
    """Return rows of a list that has no pages."""
    return data_of([msgspec.Raw(row) for row in rows])


def keyed(rows: Sequence[bytes]) -> bytes:
    """Return rows as an object keyed 0, 1, …, as energy flows come."""
    return data_of({str(number): msgspec.Raw(row) for number, row in enumerate(rows)})
