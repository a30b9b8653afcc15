"""Read all pages of a list, so that the result is complete and has no row twice.

Pages are requested by number with constant parameters: the links in a response drop the page size
and the filters (recorded), and would shift the offsets. A page is fetched by the client.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from givenergy.envelope import Envelope
from givenergy.errors import RequestRefusedError
from givenergy.models import Page

__all__ = ["PageSequence", "read_pages"]

# A list that changes during each of so many passes is returned as incomplete.
MAX_PASSES = 4
# 10,000 pages of 15 rows are more than any list of the API has.
MAX_PAGES = 10_000

FetchPage = Callable[[int], tuple[Page, Envelope]]
StopAfter = Callable[[Page], bool]


@dataclass(frozen=True, slots=True)
class PageSequence:
    """The pages of the last pass; `missing` says why the list is incomplete, None if it is not."""

    pages: tuple[Page, ...]
    missing: str | None


def read_pages(
    fetch_page: FetchPage, *, newest_first: bool = False, stop_after: StopAfter | None = None
) -> PageSequence:
    """Fetch all pages; read them again if the list changed meanwhile.

    A list is complete if all pages report the same total, their rows add up to it, and no page
    begins with the last row of the previous one (a row added earlier in the list shifts the others
    by one) - unless a second pass returns exactly the same pages.

    Rows added at the front of a list that is newest first lose nothing: each moves one row to the
    next page. The pass continues if the next page begins with as many of the previous page's last
    rows as the total has grown by. It then contains all rows that the list had when the pass began,
    the moved rows twice, and ends at the page that is the last by then.

    Args:
        fetch_page: Fetches one page.
        newest_first: Whether rows are added at the front.
        stop_after: Called after each page; True stops paging, and the pages so far are complete.

    Raises:
        RequestRefusedError: If the API announces more pages than any list has, and more rows than
            it has sent.
    """
    previous: list[bytes] = []
    for _ in range(MAX_PASSES):
        pages, problem, certain = _read_once(fetch_page, newest_first, stop_after)
        bodies = [page.body for page in pages]
        if problem is None or (not certain and bodies == previous):
            return PageSequence(tuple(pages), None)
        previous = bodies
    return PageSequence(tuple(pages), problem)


def _read_once(
    fetch_page: FetchPage, newest_first: bool, stop_after: StopAfter | None
) -> tuple[list[Page], str | None, bool]:
    """Read all pages once; return them, the problem if any, and whether it is certain."""
    pages: list[Page] = []
    before: Envelope | None = None
    changed = repeated = stopped = ends_early = ignored = False
    rows = 0
    while True:
        number = len(pages) + 1
        page, envelope = fetch_page(number)
        announced = envelope.page_count
        if pages and not page.rows:
            # The end of a list, or of one that announces pages it does not have.
            ends_early = announced is not None and envelope.total is None
            break
        if pages and page.body == pages[-1].body:
            # Without a number of pages that is the end; with one, `page` is ignored.
            ignored = announced is not None
            break
        pages.append(page)
        rows += page.rows or 0
        if before is not None:
            changed = changed or not (
                envelope.total == before.total or (newest_first and _continues(before, envelope))
            )
            repeated = repeated or _repeats(before, envelope)
        before = envelope
        stopped = stop_after is not None and stop_after(page)
        if stopped or _is_last(number, page, envelope, rows):
            break
        if number >= MAX_PAGES or _is_endless(page, envelope):
            raise RequestRefusedError(
                f"The API announces more than {MAX_PAGES} pages for {page.url_path}.",
                hint="Request a shorter range.",
            )
    total = None if before is None else before.total
    if ignored:
        return pages, f"The API sends page {len(pages)} again when the next one is requested.", True
    if changed:
        return pages, "The list changed while it was being read.", True
    if total is not None and total != rows and not stopped:
        return pages, f"{rows} rows received, but the API reports {total}.", True
    if ends_early:
        return pages, f"The API announces more pages, but page {len(pages) + 1} is empty.", False
    if repeated and not newest_first:
        return pages, "A row is at the end of one page and at the start of the next.", False
    return pages, None, False


def _is_last(number: int, page: Page, envelope: Envelope, rows: int) -> bool:
    """Return whether a page is the last, after so many rows.

    A number of pages that no list has is believed no more than a missing one.
    """
    announced = envelope.page_count
    if announced is None or announced > MAX_PAGES:
        return not page.rows or (envelope.total is not None and rows >= envelope.total)
    return number >= announced


def _is_endless(page: Page, envelope: Envelope) -> bool:
    """Return whether a page announces more pages, and more rows, than any list has."""
    if envelope.page_count is None or envelope.page_count <= MAX_PAGES:
        return False
    return envelope.total is None or envelope.total > MAX_PAGES * (page.rows or 0)


def _continues(before: Envelope, after: Envelope) -> bool:
    """Return whether rows added at the front fully explain how the second page follows."""
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
