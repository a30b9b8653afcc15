"""Answers that say of which day they are and how many rows there were: whether they are whole."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import cast

from pipelines.imports.device_days import DayKind, kinds_of_day, why_not_whole
from pipelines.imports.saved_answers import PageCollector, PageKey, SavedAnswer, SavedPage

# How the reason of a day in coverage begins.
IMPORTED = "imported: "
UNCOUNTED = f"{IMPORTED}it does not say how many rows the API had"
# How many answers are held until it is known which days their device has.
_MOST_UNCLEAR = 200


def why_not_proven(rows: int, total: int | None) -> str:
    """Return why a list is not proven to be whole.

    Args:
        rows: How many rows it has.
        total: How many the API had; None if it is not said.
    """
    if total is None:
        return UNCOUNTED
    return f"{IMPORTED}{rows:,} of its {total:,} rows were found"


class PagedAnswers:
    """Brings the pages of answers together and proves them, as far as that can be done."""

    def __init__(self, zone: str) -> None:
        """Start without pages; local days are of this IANA zone."""
        self._zone = zone
        self._collector = PageCollector()
        # Which days the devices have, as far as their answers show it, and those that do not.
        self._kinds: dict[str, set[DayKind]] = {}
        self._unclear: list[tuple[PageKey, list[SavedPage], datetime]] = []

    def add(self, key: PageKey, page: SavedPage, saved_at: datetime) -> Iterator[SavedAnswer]:
        """Add a page; yield answers that nothing more is expected for."""
        for done in self._collector.add(key, page, saved_at):
            yield from self._proven(*done)

    def finish(self) -> Iterator[SavedAnswer]:
        """Yield the others: those of which pages are missing, and those that are not clear."""
        for done in self._collector.finish():
            yield self._paged(*done)
        for done in self._unclear:
            yield self._paged(*done)

    def _proven(
        self, key: PageKey, pages: list[SavedPage], saved_at: datetime
    ) -> Iterator[SavedAnswer]:
        """Yield an answer, or keep it while other days of its device can show which days it has."""
        answer = self._paged(key, pages, saved_at)
        is_unclear = answer.message is not None and answer.message.endswith("is not known")
        if is_unclear and len(self._unclear) < _MOST_UNCLEAR:
            self._unclear.append((key, pages, saved_at))
        else:
            yield answer

    def _paged(self, key: PageKey, pages: list[SavedPage], saved_at: datetime) -> SavedAnswer:
        times = [each for page in pages for each in page.times]
        rows = sum(page.rows or 0 for page in pages)
        day = cast(date, key.day)
        why: str | None
        if len(pages) < key.page_count:
            why = f"{IMPORTED}{len(pages)} of its {key.page_count} pages were found"
        elif rows != key.total:
            why = why_not_proven(rows, key.total)
        else:
            kinds = kinds_of_day(times, day, self._zone)
            if len(kinds) == 1:
                self._kinds.setdefault(key.device_id, set()).update(kinds)
            elif len(known := self._kinds.get(key.device_id, kinds)) == 1:
                kinds = kinds & known
            cut = why_not_whole(times, day, self._zone, kinds)
            why = None if cut is None else f"{IMPORTED}{cut}"
        return SavedAnswer(
            key.dataset,
            key.device_id,
            day,
            pages,
            complete=why is None,
            message=why,
            newest=max(times),
            saved_at=saved_at,
        )
