"""What is missing, of made-up states: gaps, days to fetch and overdue days."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.coverage import (
    COVERAGE_SCHEMA,
    SETTLED,
    Gap,
    State,
    add_gaps,
    between,
    days_to_fetch,
    joined_gaps,
    missing_days,
    overdue_days,
)

START = date(2025, 1, 30)
NOW = datetime(2025, 2, 10, 12, tzinfo=UTC)
OVER = datetime.combine(START + timedelta(days=1), time(), UTC)
EARLY = OVER - timedelta(hours=1)


def states(*rows: dict) -> pa.Table:
    standard = {
        "dataset": "d",
        "device_id": "A",
        "request_date": START,
        "state": "complete",
        "reason": "why",
        "error_count": 0,
        "over_at": OVER,
        "due": False,
        "is_silent": False,
    }
    return pa.Table.from_pylist([standard | row for row in rows], COVERAGE_SCHEMA)


DAYS = st.lists(
    st.tuples(
        st.sampled_from("AB"),
        st.integers(0, 12),
        st.sampled_from([State.COMPLETE, State.FAILED, State.NOT_REQUESTED]),
        st.sampled_from(["x", "y"]),
        st.integers(0, 3),
    ),
    unique_by=lambda day: day[:2],
)


@given(DAYS)
def test_gaps_hold_each_missing_day_once_and_are_as_long_as_they_can_be(days):
    rows = [
        {
            "device_id": device_id,
            "request_date": START + timedelta(days=number),
            "state": str(state),
            "reason": reason,
            "error_count": errors,
        }
        for device_id, number, state, reason, errors in days
    ]
    months = [[row for row in rows if row["request_date"].month == month] for month in (2, 1)]
    gaps: dict[str, list[Gap]] = {}
    for month in months:
        add_gaps(gaps, missing_days(states(*month)))
    missing = {
        (row["device_id"], row["request_date"]): row for row in rows if row["state"] not in SETTLED
    }
    covered = []
    for device_id, of_device in gaps.items():
        for gap in of_device:
            inside = [
                (device_id, gap.first + timedelta(days=number))
                for number in range((gap.last - gap.first).days + 1)
            ]
            covered += inside
            parts = [missing[day] for day in inside]
            assert {(part["state"], part["reason"]) for part in parts} == {(gap.state, gap.reason)}
            assert gap.error_count == max(part["error_count"] for part in parts)
        for newer, older in pairwise(of_device):
            alike = (newer.state, newer.reason) == (older.state, older.reason)
            assert newer.first - older.last > timedelta(days=1 if alike else 0)
        joined = joined_gaps(of_device)
        assert joined == sorted(joined, key=lambda gap: gap.first)
        assert all(
            later.first - earlier.last > timedelta(days=1) for earlier, later in pairwise(joined)
        )
        assert sum((gap.last - gap.first).days + 1 for gap in joined) == sum(
            device == device_id for device, _ in missing
        )
    assert sorted(covered) == sorted(missing)


def test_joined_days_are_unsuccessful_if_one_of_them_is():
    gaps = [
        Gap(date(2025, 1, 3), date(2025, 1, 3), State.NOT_REQUESTED),
        Gap(date(2025, 1, 2), date(2025, 1, 2), State.FAILED, "Server Error"),
        Gap(date(2025, 1, 1), date(2025, 1, 1), State.NOT_REQUESTED),
    ]
    (joined,) = joined_gaps(gaps)
    assert joined.is_unsuccessful
    assert (joined.first, joined.last) == (date(2025, 1, 1), date(2025, 1, 3))
    assert not joined_gaps(gaps[:1])[0].is_unsuccessful


def test_days_that_were_fetched_before_they_were_over_are_fetched_again_when_refreshed():
    table = states(
        {"device_id": "not requested", "state": "not_requested", "due": True},
        {"device_id": "early", "state": "provisional", "last_fetched_at": EARLY},
        {"device_id": "late", "state": "provisional", "last_fetched_at": OVER},
        {"device_id": "refused", "state": "forbidden"},
        {"device_id": "complete", "last_fetched_at": OVER},
    )

    def selected(**options: bool) -> list[str]:
        return days_to_fetch(table, **options)["device_id"].to_pylist()

    assert selected() == ["not requested", "refused"]
    assert selected(refused=False) == ["not requested"]
    assert selected(refresh=True) == ["not requested", "early", "refused"]
    assert selected(refetch=True) == table["device_id"].to_pylist()


@pytest.mark.parametrize(
    ("state", "fetched_at", "over_at", "is_overdue"),
    [
        (State.FAILED, None, NOW + timedelta(hours=1), True),
        (State.NOT_REQUESTED, None, OVER, True),
        (State.NOT_REQUESTED, None, NOW + timedelta(hours=1), False),
        (State.PROVISIONAL, EARLY, OVER, True),
        (State.PROVISIONAL, OVER, OVER, False),
        (State.NOT_BUILT, NOW - timedelta(hours=2), OVER, True),
        (State.NOT_BUILT, NOW - timedelta(minutes=2), OVER, False),
        (State.COMPLETE, OVER, OVER, False),
    ],
)
def test_days_are_overdue_that_should_be_in_the_tables(state, fetched_at, over_at, is_overdue):
    table = states({"state": str(state), "last_fetched_at": fetched_at, "over_at": over_at})
    days = overdue_days(table, NOW, built_within=timedelta(hours=1))
    assert days.num_rows == int(is_overdue)


def test_days_between_two_days_of_some_devices():
    table = states(
        {"request_date": START - timedelta(days=1)}, {}, {"device_id": "B"},
        {"request_date": START + timedelta(days=1)},
    )  # fmt: skip
    assert between(table, START, START).to_pylist() == [False, True, True, False]
    assert between(table, START, date.max, ["A"]).to_pylist() == [False, True, False, True]
