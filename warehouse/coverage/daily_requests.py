"""Requests by the days they were about: one row for each fetch and day, its pages together.

What follows from them for a day belongs to `fact_store` and `coverage_fact`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# What is needed of the index of requests.
COLUMNS = (
    "response_id",
    "fetch_id",
    "segment",
    "dataset",
    "device_id",
    "account",
    "request_date",
    "request_end_date",
    "request_zone",
    "status",
    "outcome",
    "error_kind",
    "message",
    "fetched_at",
    "page_count",
    "complete",
    "rows",
    "day_rows",
)
_OF_PAGES = {"complete": "all", "response_id": "max", "fetched_at": "max"}
_KEYS = ["fetch_id", "request_date"]
_RANGE = ["request_end_date", "day_rows"]


def fetches_by_month(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield for each month (`YYYY-MM`) one row for each fetch and day of it.

    A request that covers several days becomes a row for each, so that of a long range no more than
    a month's share is in memory at once.

    Args:
        rows: `COLUMNS` of the index of requests; whole fetches.

    Yields:
        The month, and `COLUMNS` but for those of the range: `request_date` is the day and
        `rows` is how many of it there were, null where that is not known.
    """
    rows = rows.filter(pc.is_valid(rows["request_date"]))
    first = _days(rows["request_date"])
    last = _days(pc.coalesce(rows["request_end_date"], rows["request_date"]))
    for month in _months(first, last):
        start, end = month.astype("M8[D]"), (month + 1).astype("M8[D]") - 1
        inside = np.flatnonzero((first <= end) & (last >= start))
        part = rows.take(pa.array(inside))
        if (first[inside] == last[inside]).all() and part["request_end_date"].null_count == len(
            inside
        ):
            by_day = part.drop_columns(_RANGE)
        else:
            by_day = _by_day(part, first[inside], last[inside], start, end)
        yield str(month), _pages_together(by_day)


def _months(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the months that any of the ranges touches, in order."""
    if len(first) == 0:
        return first.astype("M8[M]")
    low, high = first.astype("M8[M]"), last.astype("M8[M]")
    base, size = low.min(), int((high.max() - low.min()).astype(int)) + 2
    begun = np.bincount((low - base).astype(int), minlength=size)
    ended = np.bincount((high - base).astype(int) + 1, minlength=size)
    touched: np.ndarray = base + np.flatnonzero(np.cumsum(begun - ended))
    return touched


def _by_day(
    rows: pa.Table,
    first: np.ndarray,
    last: np.ndarray,
    start: np.datetime64,
    end: np.datetime64,
) -> pa.Table:
    """Repeat each row for each of its days between `start` and `end`."""
    low, high = np.maximum(first, start), np.minimum(last, end)
    count = (high - low).astype(int) + 1
    source = np.repeat(np.arange(len(count)), count)
    ordinal = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    day = low[source] + ordinal
    listed = rows["day_rows"].combine_chunks()
    lengths = np.asarray(pc.fill_null(listed.value_lengths(), -1))
    known = (lengths == (last - first).astype(int) + 1)[source]
    at = np.asarray(listed.offsets)[:-1][source] + (day - first[source]).astype(int)
    of_day = listed.values.take(pa.array(at, mask=~known)).cast(pa.int64())
    # Of a range without rows each day has none; otherwise what is not known stays unknown.
    whole = rows["rows"].combine_chunks()
    alone = pc.or_(pc.is_null(rows["request_end_date"]), pc.fill_null(pc.equal(whole, 0), False))
    of_request = pc.if_else(alone, whole, pa.scalar(None, pa.int64())).combine_chunks()
    number = pc.coalesce(of_day, of_request.take(pa.array(source)))
    taken = rows.drop_columns(_RANGE).take(pa.array(source))
    for name, values in (("request_date", pa.array(day)), ("rows", number)):
        taken = taken.set_column(taken.schema.get_field_index(name), rows.field(name), values)
    return taken


def _pages_together(rows: pa.Table) -> pa.Table:
    """Merge the pages of each fetch into one row per day."""
    if rows.num_rows == 0 or pc.max(rows["page_count"]).as_py() <= 1:
        return rows
    grouped = rows.group_by(_KEYS, use_threads=False)
    # Where one page does not say how many rows of the day it has, the sum is not known.
    total = pc.ScalarAggregateOptions(skip_nulls=False)
    pages = grouped.aggregate([("rows", "sum", total), *_OF_PAGES.items()])
    rest = [name for name in rows.column_names if name not in (*_KEYS, "rows", *_OF_PAGES)]
    firsts = grouped.aggregate([(name, "first") for name in rest])
    columns = {name: pages[name] for name in _KEYS} | {"rows": pages["rows_sum"]}
    columns |= {name: pages[f"{name}_{how}"] for name, how in _OF_PAGES.items()}
    columns |= {name: firsts[f"{name}_first"] for name in rest}
    return pa.table({name: columns[name] for name in rows.column_names}).cast(rows.schema)


def _days(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.combine_chunks()).astype("M8[D]")
