"""Requests that cover several days: what follows for each of their days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.toy_decoder import ToyDecoder, answer, built_coverage, day_rows, failure
from warehouse.archive import Entry, compact
from warehouse.archive.entry import INDEX_SCHEMA
from warehouse.catalogue import publish
from warehouse.connection import connect
from warehouse.coverage import CoverageRule
from warehouse.coverage.daily_requests import COLUMNS, fetches_by_month
from warehouse.forget import forget
from warehouse.lake import EXPECTED_SCHEMA, Lake
from warehouse.tables.build import build, rebuild
from warehouse.verification.integrity import check

FIRST = date(2025, 6, 28)
LAST = date(2025, 7, 3)
DAYS = [FIRST + timedelta(days=at) for at in range(6)]
RULES = [CoverageRule("readings", 1)]
FINAL = datetime(2025, 7, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def days_answer(first: date, counts: list[int], at: datetime = FINAL, **changes: Any) -> Entry:
    """Answer a request for the days from ``first``, with so many rows for each."""
    days = [first + timedelta(days=number) for number in range(len(counts))]
    rows = [row for day, n in zip(days, counts, strict=True) if n for row in day_rows(day, n)]
    values = {"request_end_date": days[-1], "day_rows": counts} | changes
    return answer("A", first, rows, fetched_at=at, **values)


def days_failure(first: date, last: date, status: int, at: datetime = FINAL) -> Entry:
    return failure("A", first, status, fetched_at=at, request_end_date=last)


def store(lake: Lake, *fetches: Entry | list[Entry]) -> None:
    for fetch in fetches:
        lake.archive.append(fetch if isinstance(fetch, list) else [fetch])
        lake.archive.flush()


def found(lake: Lake, now: datetime = FINAL) -> list[dict[str, Any]]:
    row = {"dataset": "readings", "device_id": "A", "first_date": FIRST, "zone": "Europe/London"}
    expected = pa.Table.from_pylist([row], EXPECTED_SCHEMA)
    return built_coverage(lake, RULES, expected, FIRST, LAST, now=now).to_pylist()


def states(lake: Lake, now: datetime = FINAL) -> list[tuple[str, int | None]]:
    return [(row["state"], row["rows"]) for row in found(lake, now)]


def test_each_day_of_a_range_has_its_own_state_and_rows(lake: Lake) -> None:
    store(lake, days_answer(FIRST, [2, 0, 3, 1, 4]))
    rows = found(lake)
    assert [(row["state"], row["rows"]) for row in rows] == [
        ("complete", 2),
        ("provisional", None),
        ("complete", 3),
        ("complete", 1),
        ("complete", 4),
        ("not_requested", None),
    ]
    assert [row["due"] for row in rows] == [False, False, False, False, False, True]
    assert rows[1]["due_at"] == FINAL + timedelta(days=1)


def test_a_day_without_rows_is_empty_once_a_second_range_confirms_it(lake: Lake) -> None:
    store(lake, days_answer(FIRST, [2, 0, 0]), days_answer(DAYS[1], [0, 5], FINAL + 24 * HOUR))
    assert states(lake)[:3] == [("complete", 2), ("empty", None), ("complete", 5)]


def test_each_day_of_a_range_is_final_by_itself(lake: Lake) -> None:
    # On 2 July at 12:00 the days up to 30 June are over for longer than their day of lateness.
    store(lake, days_answer(FIRST, [1] * 6, datetime(2025, 7, 2, 12, tzinfo=UTC)))
    assert [state for state, _ in states(lake)] == ["complete"] * 3 + ["provisional"] * 3
    assert [row["due_at"] for row in found(lake)][3:] == [
        datetime(2025, 7, day, tzinfo=UTC) for day in (3, 4, 5)
    ]


def test_a_failed_range_fails_the_days_that_were_not_complete_before(lake: Lake) -> None:
    alone = answer("A", DAYS[2], day_rows(DAYS[2], 7), fetched_at=FINAL)
    store(lake, alone, days_failure(FIRST, DAYS[4], 503, FINAL + HOUR))
    rows = found(lake)
    assert [row["state"] for row in rows] == [
        "failed", "failed", "complete", "failed", "failed", "not_requested",
    ]  # fmt: skip
    assert [row["error_count"] for row in rows] == [1, 1, 1, 1, 1, 0]
    assert [row["last_error_status"] for row in rows] == [503] * 5 + [None]


def test_a_list_that_came_incomplete_is_partial_on_each_of_its_days(lake: Lake) -> None:
    store(lake, days_answer(FIRST, [3, 0, 1], complete=False))
    assert states(lake)[:4] == [("partial", None)] * 3 + [("not_requested", None)]


def test_pages_of_a_range_are_added_up_day_by_day(lake: Lake) -> None:
    pages = [[2, 2, 0, 0], [0, 1, 0, 3]]
    store(
        lake,
        [
            days_answer(FIRST, counts, page=page, page_count=2)
            for page, counts in enumerate(pages, start=1)
        ],
    )
    expected = [("complete", 2), ("complete", 3), ("provisional", None), ("complete", 3)]
    assert states(lake)[:4] == expected


def test_rows_by_day_that_are_not_known_make_no_day_empty(lake: Lake) -> None:
    whole = days_answer(FIRST, [2, 3], day_rows=None)
    pages = [
        days_answer(DAYS[2], [0, 4], page=1, page_count=2),
        days_answer(DAYS[2], [0, 4], page=2, page_count=2, day_rows=None),
    ]
    store(lake, whole, pages, days_answer(DAYS[4], [0, 0], day_rows=None))
    assert states(lake) == [("complete", None)] * 4 + [("provisional", None)] * 2


def test_single_days_and_ranges_fold_alike_whatever_is_made_again(lake: Lake) -> None:
    store(
        lake,
        days_failure(FIRST, LAST, 500),
        answer("A", DAYS[1], day_rows(DAYS[1], 2), fetched_at=FINAL),
        days_answer(DAYS[3], [1, 0, 6]),
    )
    before = found(lake)
    compact(lake.archive)
    for name in ("requests", "coverage"):
        (lake.folder / f"index/manifests/{name}.json").unlink()
    assert found(lake) == before
    assert [row["state"] for row in before] == [
        "failed", "complete", "failed", "complete", "provisional", "complete",
    ]  # fmt: skip
    assert check(lake) == []


def test_ranges_go_through_archive_pack_build_and_views(lake: Lake) -> None:
    store(lake, days_answer(FIRST, [2, 0, 3]), days_failure(DAYS[3], LAST, 503))
    compact(lake.archive)
    decoder = ToyDecoder()
    assert build(lake, decoder).rows("new") == 5
    found(lake)
    publish(lake, decoder.tables)
    (batch,) = lake.archive.read("readings")
    assert [response.request_end_date for response in batch.responses] == [DAYS[2]]
    with connect(lake) as connection:
        listed = connection.execute(
            "SELECT request_date, request_end_date, day_rows FROM requests ORDER BY 1"
        ).fetchall()
        view = connection.execute(
            "SELECT state, rows FROM coverage ORDER BY request_date"
        ).fetchall()
    assert listed == [(FIRST, DAYS[2], [2, 0, 3]), (DAYS[3], LAST, None)]
    assert (
        view == [("complete", 2), ("provisional", None), ("complete", 3)] + [("failed", None)] * 3
    )


def test_forgetting_a_device_takes_its_ranges_along(lake: Lake) -> None:
    other = answer("B", FIRST, day_rows(FIRST), request_end_date=FIRST, day_rows=[4])
    store(lake, [days_answer(FIRST, [1, 1])], [other])
    assert forget(lake, devices=["A"], decoders=[ToyDecoder()]).responses == 1
    assert [state for state, _ in states(lake)] == ["not_requested"] * 6
    (rows,) = lake.archive.scan(["device_id", "day_rows"])
    assert rows.to_pylist() == [{"device_id": "B", "day_rows": [4]}]


def without_ranges(path: Any) -> None:
    """Write an archive file or an index part as it was before requests could cover days."""
    old = pq.read_table(path, partitioning=None)
    pq.write_table(
        old.drop_columns(["request_end_date", "day_rows"]), path, write_page_checksum=True
    )


@pytest.mark.slow
def test_segments_and_an_index_of_before_ranges_are_read(lake: Lake) -> None:
    store(lake, answer("A", FIRST, day_rows(FIRST, 3), fetched_at=FINAL))
    (segment,) = lake.archive.segments.iterdir()
    without_ranges(segment)
    found(lake)
    publish(lake, ToyDecoder().tables)
    manifest = lake.folder / "index/manifests/requests.json"
    part = lake.folder / "index/requests/part-000001.parquet"
    for path in (part, part.with_name("_schema.parquet")):
        without_ranges(path)
    (lake.folder / "warehouse.duckdb").unlink()
    manifest.write_text(
        manifest.read_text().replace('"request_end_date",', "").replace('"day_rows",', "")
    )
    publish(lake, ToyDecoder().tables)
    with connect(lake) as connection:
        sql = "SELECT request_date, request_end_date, day_rows FROM requests"
        assert connection.execute(sql).fetchall() == [(FIRST, None, None)]
        store(lake, days_answer(DAYS[1], [2, 2]))
        assert states(lake)[:4] == [("complete", n) for n in (3, 2, 2)] + [("not_requested", None)]
        assert connection.execute(sql + " ORDER BY 1").fetchall() == [
            (FIRST, None, None),
            (DAYS[1], DAYS[2], [2, 2]),
        ]
    compact(lake.archive)
    assert rebuild(lake, ToyDecoder()).rows("new") == 7
    assert pq.read_schema(part).names == INDEX_SCHEMA.names
    assert check(lake) == []


def test_facts_of_an_older_fold_are_made_again(lake: Lake) -> None:
    store(lake, days_answer(FIRST, [1, 1]))
    before = states(lake)
    manifest = lake.folder / "index/manifests/coverage.json"
    manifest.write_text(manifest.read_text().replace('"version":8,', ""))
    assert states(lake) == before
    assert '"version":8' in manifest.read_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"request_end_date": date(2025, 6, 27)},
            "2025-06-28 to 2025-06-27 is not a range of days",
        ),
        ({"request_date": None}, "None to 2025-06-29 is not a range of days"),
        ({"request_end_date": None}, "2025-06-28 to None is not a range of days"),
        ({"day_rows": [1]}, "`day_rows` has 1 numbers for the 2 days from 2025-06-28"),
    ],
)
def test_days_that_do_not_fit_together_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        days_answer(FIRST, [1, 1], **changes)


ranges = st.lists(
    st.tuples(
        st.integers(0, 80),  # first day
        st.integers(0, 70),  # days after it
        st.integers(1, 3),  # pages
        st.booleans(),  # rows by day known
    ),
    max_size=6,
)


@settings(deadline=None)
@given(ranges, st.integers(0, 2**32 - 1))
def test_days_of_ranges_are_those_of_a_plain_loop(drawn: list[Any], seed: int) -> None:
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    expected: dict[tuple[int, date], int | None] = {}
    for fetch_id, (offset, more, pages, known) in enumerate(drawn):
        start = date(2024, 1, 5) + timedelta(days=offset)
        for page in range(pages):
            counts = random.integers(0, 3, more + 1).tolist()
            row = dict.fromkeys(COLUMNS) | {
                "fetch_id": fetch_id, "response_id": 10 * fetch_id + page, "outcome": "ok",
                "request_date": start, "page_count": pages, "complete": True, "device_id": "A",
                "request_end_date": start + timedelta(days=more), "rows": sum(counts) + 1,
                "day_rows": counts if known else None, "dataset": "readings",
            }  # fmt: skip
            rows.append(row)
            for number, count in enumerate(counts):
                key = (fetch_id, start + timedelta(days=number))
                expected[key] = (expected.get(key) or 0) + count if known else None
    schema = pa.schema([INDEX_SCHEMA.field(name) for name in COLUMNS])
    by_month = list(fetches_by_month(pa.Table.from_pylist(rows, schema)))
    assert [month for month, _ in by_month] == sorted({f"{day:%Y-%m}" for _, day in expected})
    result = {}
    for month, part in by_month:
        for row in part.to_pylist():
            assert f"{row['request_date']:%Y-%m}" == month
            result[row["fetch_id"], row["request_date"]] = row["rows"]
    assert result == expected
