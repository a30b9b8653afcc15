"""Walking the pages of a list, so that the whole list and nothing twice comes out.

Pages are asked for by number with constant parameters: the links in an answer drop the page size
and the filters (recorded), and would move the offsets. How one page is fetched is the client's
business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from givenergy.envelope import Envelope
from givenergy.errors import RequestRefusedError
from givenergy.pages import Page

__all__ = ["Walked", "walk"]

# A list that changes under every walk is given up with what there is after this many.
ROUNDS = 4
# 10,000 pages of 15 rows are more than any list of the API holds.
MOST_PAGES = 10_000

FetchPage = Callable[[int], tuple[Page, Envelope]]


@dataclass(frozen=True, slots=True)
class Walked:
    """The pages of the last walk; `missing` says what does not fit, None if the list is whole."""

    pages: tuple[Page, ...]
    missing: str | None


def walk(fetch_page: FetchPage) -> Walked:
    """Fetch all pages; walk again when the list moved meanwhile.

    A list is whole when all pages report the same total, their rows add up to it, and no page
    begins with the row its predecessor ended with (newest-first lists shift by one when a row is
    added) - unless a second walk brings the very same pages.

    Raises:
        RequestRefusedError: If the API announces more pages than any list has.
    """
    former: list[bytes] = []
    for _ in range(ROUNDS):
        pages, doubt, certain = _walk_once(fetch_page)
        bodies = [page.body for page in pages]
        if doubt is None or (not certain and bodies == former):
            return Walked(tuple(pages), None)
        former = bodies
    return Walked(tuple(pages), doubt)


def _walk_once(fetch_page: FetchPage) -> tuple[list[Page], str | None, bool]:
    """One walk: its pages, what does not fit, and whether that is certain to be a fault."""
    pages: list[Page] = []
    totals: set[int | None] = set()
    repeated = False
    last_row = b""
    number = 1
    while True:
        page, envelope = fetch_page(number)
        meta = envelope.meta
        if meta is None and pages and (not page.rows or page.body == pages[-1].body):
            # Without `meta` only an empty page, or a server that ignores the number, is the end.
            break
        pages.append(page)
        repeated = repeated or (number > 1 and page.rows != 0 and envelope.first_row == last_row)
        last_row = envelope.last_row
        if meta is None:
            if not page.rows:
                break
        else:
            totals.add(meta.total)
            if meta.last_page is None or number >= meta.last_page:
                break
        number += 1
        if number > MOST_PAGES:
            raise RequestRefusedError(
                f"The API announces more than {MOST_PAGES} pages for {page.url_path}.",
                hint="Ask for a shorter range.",
            )
    rows = sum(page.rows or 0 for page in pages)
    if len(totals) > 1:
        return pages, "The list changed while it was being read.", True
    total = next(iter(totals), None)
    if total is not None and total != rows:
        return pages, f"{rows} rows arrived, the API counts {total}.", True
    if repeated:
        return pages, "A row stands at the end of one page and at the start of the next.", False
    return pages, None, False
