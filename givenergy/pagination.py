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
        RequestRefusedError: If the API announces more pages than any list has.
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
    changed = repeated = stopped = False
    while True:
        number = len(pages) + 1
        page, envelope = fetch_page(number)
        meta = envelope.meta
        if meta is None and pages and (not page.rows or page.body == pages[-1].body):
            # Without `meta` the end is an empty page, or the same page again.
            break
        pages.append(page)
        if before is not None:
            changed = changed or not (
                envelope.total == before.total or (newest_first and _continues(before, envelope))
            )
            repeated = repeated or _repeats(before, envelope)
        before = envelope
        stopped = stop_after is not None and stop_after(page)
        if stopped or _is_last(number, page, envelope):
            break
        if number >= MAX_PAGES:
            raise RequestRefusedError(
                f"The API announces more than {MAX_PAGES} pages for {page.url_path}.",
                hint="Request a shorter range.",
            )
    rows = sum(page.rows or 0 for page in pages)
    total = None if before is None else before.total
    if changed:
        return pages, "The list changed while it was being read.", True
    if total is not None and total != rows and not stopped:
        return pages, f"{rows} rows received, but the API reports {total}.", True
    if repeated and not newest_first:
        return pages, "A row is at the end of one page and at the start of the next.", False
    return pages, None, False


def _is_last(number: int, page: Page, envelope: Envelope) -> bool:
    if envelope.meta is None:
        return not page.rows
    return envelope.meta.last_page is None or number >= envelope.meta.last_page


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
