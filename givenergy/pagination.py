"""Walking the pages of a list, so that the whole list and nothing twice comes out.

Pages are asked for by number with constant parameters: the links in an answer drop the page size
and the filters (recorded), and would move the offsets. How one page is fetched is the client's
business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from givenergy.envelope import Envelope
from givenergy.errors import RequestRefusedError
from givenergy.pages import Page

__all__ = ["Walked", "walk"]

# A list that changes under every walk is given up with what there is after this many.
ROUNDS = 4
# 10,000 pages of 15 rows are more than any list of the API holds.
MOST_PAGES = 10_000

FetchPage = Callable[[int], tuple[Page, Envelope]]
Enough = Callable[[Page], bool]


@dataclass(frozen=True, slots=True)
class Walked:
    """The pages of the last walk; `missing` says what does not fit, None if the list is whole."""

    pages: tuple[Page, ...]
    missing: str | None


def walk(
    fetch_page: FetchPage, *, newest_first: bool = False, enough: Enough | None = None
) -> Walked:
    """Fetch all pages; walk again when the list moved meanwhile.

    A list is whole when all pages report the same total, their rows add up to it, and no page
    begins with the row its predecessor ended with (lists shift by one when a row is added before
    it) - unless a second walk brings the very same pages.

    Rows added at the front of a list that comes newest first lose nothing: each moves one row over
    to the next page. Such a walk goes on when the next page begins with just as many of its
    predecessor's last rows as the total has grown by; it holds what the list held when the walk
    began, those rows twice, and ends at what is then the last page.

    Args:
        fetch_page: Brings one page.
        newest_first: Whether rows are added at the front.
        enough: Asked after each page; True ends the walk, and the pages are whole up to there.

    Raises:
        RequestRefusedError: If the API announces more pages than any list has.
    """
    former: list[bytes] = []
    for _ in range(ROUNDS):
        pages, doubt, certain = _walk_once(fetch_page, newest_first, enough)
        bodies = [page.body for page in pages]
        if doubt is None or (not certain and bodies == former):
            return Walked(tuple(pages), None)
        former = bodies
    return Walked(tuple(pages), doubt)


def _walk_once(
    fetch_page: FetchPage, newest_first: bool, enough: Enough | None
) -> tuple[list[Page], str | None, bool]:
    """One walk: its pages, what does not fit, and whether that is certain to be a fault."""
    pages: list[Page] = []
    before: Envelope | None = None
    changed = repeated = stopped = False
    while True:
        number = len(pages) + 1
        page, envelope = fetch_page(number)
        meta = envelope.meta
        if meta is None and pages and (not page.rows or page.body == pages[-1].body):
            # Without `meta` only an empty page, or a server that ignores the number, is the end.
            break
        pages.append(page)
        if before is not None:
            changed = changed or not (
                envelope.total == before.total or (newest_first and _continues(before, envelope))
            )
            repeated = repeated or _repeats(before, envelope)
        before = envelope
        stopped = enough is not None and enough(page)
        if stopped or _is_last(number, page, envelope):
            break
        if number >= MOST_PAGES:
            raise RequestRefusedError(
                f"The API announces more than {MOST_PAGES} pages for {page.url_path}.",
                hint="Ask for a shorter range.",
            )
    rows = sum(page.rows or 0 for page in pages)
    total = None if before is None else before.total
    if changed:
        return pages, "The list changed while it was being read.", True
    if total is not None and total != rows and not stopped:
        return pages, f"{rows} rows arrived, the API counts {total}.", True
    if repeated and not newest_first:
        return pages, "A row stands at the end of one page and at the start of the next.", False
    return pages, None, False


def _is_last(number: int, page: Page, envelope: Envelope) -> bool:
    if envelope.meta is None:
        return not page.rows
    return envelope.meta.last_page is None or number >= envelope.meta.last_page


def _continues(before: Envelope, after: Envelope) -> bool:
    """Whether nothing but rows at the front explains how the second page follows the first."""
    if before.total is None or after.total is None:
        return False
    added = after.total - before.total
    if not 0 < added <= min(len(before.content), len(after.content)):
        return False
    return _texts(before.content[-added:]) == _texts(after.content[:added])


def _repeats(before: Envelope, after: Envelope) -> bool:
    if not before.content or not after.content:
        return False
    return bytes(before.content[-1]) == bytes(after.content[0])


def _texts(rows: Sequence[msgspec.Raw]) -> list[bytes]:
    return [bytes(row) for row in rows]
