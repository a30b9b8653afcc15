"""Rows of many responses as one list: each of its newest response of the highest rank, as sent.

The tables say which response each row is from; the rows themselves come from the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec

from assets.framework.contract.json_rows import elements
from pipelines.serve.open_archive import DayFetch, OpenArchive

Key = tuple[Any, ...]
_EPOCH = date(1970, 1, 1)


class SentRow(NamedTuple):
    """A row: its time in microseconds, what it is known by, and its JSON as sent.

    The time is None if it cannot be read, and the row is then known by its JSON.
    """

    time_us: int | None
    key: Key
    json: bytes


@dataclass(frozen=True, slots=True)
class RowHistory:
    """The rows of a dataset.

    Attributes:
        dataset: The dataset.
        table: Its table.
        device: The table's column with the device.
        time: The table's column with the time by which rows are selected.
        key: SQL of what tells rows of a device apart, as `read` does.
        read: Returns time and key of a row; raises ValueError or DecodeError if it has none.
        newest_first: Whether the API lists the newest row first.
        is_local: Whether the times are local, so that some come twice as the clock is put back.
    """

    dataset: str
    table: str
    device: str
    time: str
    key: str
    read: Callable[[bytes], tuple[int, Key]]
    newest_first: bool = False
    is_local: bool = False

    @property
    def names(self) -> Mapping[str, str]:
        """The names for the queries."""
        return {
            "table": self.table,
            "device": self.device,
            "time": self.time,
            "key": self.key,
        }

    def sent_row(self, row: bytes) -> SentRow:
        """Return a row with time and key."""
        try:
            time_us, key = self.read(row)
        except (ValueError, TypeError, msgspec.DecodeError, OverflowError):
            return SentRow(None, (row,), row)
        return SentRow(time_us, key, row)


class DaySpan(NamedTuple):
    """Days, both included."""

    first: date
    last: date

    def of(self, fetch: DayFetch) -> Iterator[date]:
        """Yield the days that a fetch covers."""
        day, last = max(self.first, fetch.first), min(self.last, fetch.last)
        while day <= last:
            yield day
            day += timedelta(days=1)


class MergedRows(NamedTuple):
    """Rows in the order of the API, one of the bodies they are from, and the days asked for."""

    rows: list[SentRow]
    body: bytes | None
    covered: frozenset[date]


def merged_rows(
    archive: OpenArchive,
    history: RowHistory,
    device_id: str,
    first: object,
    last: object,
    *,
    days: DaySpan | None = None,
    more: str = "true",
    **parameters: object,
) -> MergedRows:
    """Return the rows of a device from a first to a last time, and others of the same responses.

    Of each day the newest whole response of the API is taken as it is, with what is in no table;
    of all others the rows that stand in the table.

    Args:
        archive: The archive.
        history: Which rows.
        device_id: The device.
        first: The first time, as the table's column has it.
        last: The last.
        days: The days that they were requested by, of a dataset that is requested by day.
        more: Another condition, in SQL.
        parameters: The parameters of it.

    Raises:
        DamagedError: A file of the archive is damaged.
    """
    fetches = [] if days is None else archive.day_fetches(history.dataset, device_id, *days)
    chosen = [] if days is None else list(_newest_whole(fetches, days))
    taken = {number: at for fetch in chosen for number, at in fetch.segments.items()}
    bodies = archive.bodies(history.dataset, device_id, taken)
    parts = [
        (fetch.fetch_id, [row for number in fetch.segments for row in rows_of(bodies.get(number))])
        for fetch in chosen
    ]
    keys = {history.sent_row(row).key for _, rows in parts for row in rows}
    winners = archive.rows(
        "winning_rows",
        {**history.names, "more": more},
        device=device_id,
        first=first,
        last=last,
        taken=list(taken),
        **parameters,
    )
    missing = {
        response_id
        for response_id, *key in (tuple(row.values()) for row in winners)
        if tuple(key) not in keys
    }
    others = archive.bodies(history.dataset, device_id, sorted(missing))
    parts += [(number, rows_of(body)) for number, body in others.items()]
    rows = united(history, parts)
    covered = {day for fetch in fetches for day in days.of(fetch)} if days is not None else set()
    # The tables can have a day before the index of requests has.
    covered |= {_EPOCH + timedelta(microseconds=row.time_us) for row in rows if row.time_us}
    any_body = next(iter((*bodies.values(), *others.values())), None)
    return MergedRows(rows, any_body, frozenset(covered))


def united(history: RowHistory, parts: Iterable[tuple[int, Sequence[bytes]]]) -> list[SentRow]:
    """Unite the rows of responses: a row of the same key in one with a higher number stands.

    Rows of the same key in one response are all kept. A single response keeps its order.
    """
    seen: set[Key] = set()
    kept: list[list[SentRow]] = []
    for _, rows in sorted(parts, key=lambda part: part[0], reverse=True):
        sent = [history.sent_row(row) for row in rows]
        if fresh := [row for row in sent if row.key not in seen]:
            kept.append(fresh)
        seen.update(row.key for row in sent)
    if len(kept) < 2:
        return kept[0] if kept else []
    placed = [placed for rows in kept for placed in _placed(rows, history.is_local)]
    placed.sort(key=lambda each: each[0], reverse=history.newest_first)
    return [row for _, row in placed]


def _placed(rows: Iterable[SentRow], is_local: bool) -> Iterator[tuple[int, SentRow]]:
    """Yield rows with the time by which they are sorted.

    Local times that come twice stay in the order of their response, a row without a time where it
    is.
    """
    reached = 0
    for row in rows:
        if row.time_us is not None:
            reached = max(reached, row.time_us) if is_local else row.time_us
        yield reached, row


def _newest_whole(fetches: Iterable[DayFetch], days: DaySpan) -> Iterator[DayFetch]:
    """Yield the newest whole fetches of the API until there is one for each day."""
    covered: set[date] = set()
    for fetch in fetches:
        if fetch.is_of_api and fetch.is_whole and not covered.issuperset(days.of(fetch)):
            covered.update(days.of(fetch))
            yield fetch


def rows_of(body: bytes | None) -> list[bytes]:
    """Return the rows of a body as JSON, in order; none of a body that is gone."""
    return [] if body is None else [bytes(row) for row in elements(body)]
