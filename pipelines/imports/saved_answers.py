"""Answers of the API as they were found in files, with the pages of one answer brought together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import PurePosixPath

from assets.framework.contract.dataset import Dataset
from pipelines.imports.saved_files import SavedFile

_HELD_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class SavedPage:
    """A page of an answer: its number, its JSON, how many rows it has, and where it was found.

    Attributes:
        number: Number of the page, from 1.
        body: JSON without spaces.
        rows: Rows in it; None if it is a single one.
        file: The file that it was found in.
        times: Times of its rows, UTC, for a dataset requested by day.
    """

    number: int
    body: bytes
    rows: int | None
    file: SavedFile
    times: tuple[datetime, ...] = ()


@dataclass(slots=True)
class SavedAnswer:
    """An answer of the API.

    Attributes:
        dataset: Its dataset.
        device_id: The device; "" if it is about the account.
        day: The day requested; None if the dataset is not requested by day.
        pages: Its pages, of those that were found.
        complete: Whether the rows are proven to be all of them.
        message: Why they are not proven to be; None if they are.
        newest: The time of its newest row, UTC; None if rows have none.
        saved_at: When it was fetched, as far as that is known.
        counted: Rows of the day itself; None for all.
    """

    dataset: Dataset
    device_id: str
    day: date | None
    pages: list[SavedPage]
    complete: bool
    message: str | None
    newest: datetime | None
    saved_at: datetime
    counted: int | None = None

    @property
    def rows(self) -> int:
        """How many rows it has; a single one counts as one."""
        return sum(1 if page.rows is None else page.rows for page in self.pages)


@dataclass(frozen=True, slots=True)
class PageKey:
    """What the pages of one answer have in common."""

    dataset: Dataset
    device_id: str
    day: date | None
    page_count: int
    total: int | None
    folder: PurePosixPath


@dataclass(slots=True)
class _Waiting:
    saved_at: datetime
    pages: dict[int, SavedPage] = field(default_factory=dict)


class PageCollector:
    """Holds pages until all pages of their answer have been found."""

    def __init__(self) -> None:
        """Start without pages."""
        self._waiting: dict[PageKey, _Waiting] = {}
        self._held_bytes = 0

    def add(
        self, key: PageKey, page: SavedPage, saved_at: datetime
    ) -> Iterator[tuple[PageKey, list[SavedPage], datetime]]:
        """Add a page; yield answers that are whole, or for which there is no room any more."""
        waiting = self._waiting.get(key)
        known = None if waiting is None else waiting.pages.get(page.number)
        if known is not None and known.body != page.body:
            # Another answer to the same request.
            yield self._taken(key)
            waiting = None
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(saved_at)
        if page.number not in waiting.pages:
            waiting.pages[page.number] = page
            self._held_bytes += len(page.body)
        waiting.saved_at = max(waiting.saved_at, saved_at)
        if len(waiting.pages) == key.page_count:
            yield self._taken(key)
        while self._held_bytes > _HELD_BYTES and len(self._waiting) > 1:
            yield self._taken(next(iter(self._waiting)))

    def finish(self) -> Iterator[tuple[PageKey, list[SavedPage], datetime]]:
        """Yield the answers of which pages are missing."""
        while self._waiting:
            yield self._taken(next(iter(self._waiting)))

    def _taken(self, key: PageKey) -> tuple[PageKey, list[SavedPage], datetime]:
        waiting = self._waiting.pop(key)
        pages = [waiting.pages[number] for number in sorted(waiting.pages)]
        self._held_bytes -= sum(len(page.body) for page in pages)
        return key, pages, waiting.saved_at
