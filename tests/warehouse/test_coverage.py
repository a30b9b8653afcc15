"""Coverage: what follows, for a device's day, from what was asked and answered."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clock import at_moments
from tests.support.toy_decoder import ToyDecoder, answer, built_coverage, day_rows, failure
from warehouse.archive import Entry, Rank, compact
from warehouse.catalogue import publish
from warehouse.connection import connect
from warehouse.coverage import CoverageRule, day_is_over_at
from warehouse.coverage.coverage_fact import FOLDED_SCHEMA, fold
from warehouse.lake import EXPECTED_SCHEMA, Lake

DAY = date(2025, 6, 1)
RULES = [CoverageRule("readings", 1)]
# In London, 1 June ends at 23:00 UTC; in UTC an hour later, so that is when it is over.
OVER = datetime(2025, 6, 2, tzinfo=UTC)
FINAL = OVER + timedelta(days=1)
HOUR = timedelta(hours=1)


def ok(at: datetime, rows: int = 2, **changes: Any) -> Entry:
    return answer("A", DAY, day_rows(DAY, rows) if rows else [], fetched_at=at, **changes)


def of(rank: Rank, at: datetime, rows: int = 2, **changes: Any) -> Entry:
    return ok(at, rows, rank=rank, source="another", **changes)


def bad(at: datetime, status: int | None, kind: str = "kind") -> Entry:
    return failure("A", DAY, status, fetched_at=at, error_kind=kind)


# A device is gone after a second 404 at another time.
GONE = [bad(FINAL, 404), bad(FINAL + HOUR, 404)]


def expect(
    first: date = DAY,
    last: date | None = DAY,
    zone: str | None = "Europe/London",
    contact: datetime | None = None,
) -> pa.Table:
    row = {
        "dataset": "readings",
        "device_id": "A",
        "first_date": first,
        "last_date": last,
        "zone": zone,
        "last_contact_at": contact,
    }
    return pa.Table.from_pylist([row], EXPECTED_SCHEMA)


CASES: dict[str, tuple[list[Entry], datetime, str, bool]] = {
    "nothing asked": ([], FINAL, "not_requested", True),
    "nothing asked, not begun in any zone": ([], datetime(2025, 5, 31, 22, tzinfo=UTC), "not_requested", False),  # noqa: E501
    "nothing asked, begun in London": ([], datetime(2025, 5, 31, 23, tzinfo=UTC), "not_requested", True),  # noqa: E501
    "asked while it ran": ([ok(OVER - HOUR)], OVER, "provisional", False),
    "asked while it ran, could be final now": ([ok(OVER - HOUR)], FINAL, "provisional", True),
    "asked when over, within lateness": ([ok(FINAL - HOUR)], FINAL - HOUR, "provisional", False),
    "asked when final": ([ok(FINAL)], FINAL, "complete", False),
    "failure after complete": ([ok(FINAL), bad(FINAL + HOUR, 503)], FINAL + HOUR, "complete", False),  # noqa: E501
    "failure after provisional": ([ok(OVER), bad(FINAL, 503)], FINAL, "provisional", True),
    "refused after provisional": ([ok(OVER), bad(FINAL, 403)], FINAL, "forbidden", False),
    "not known once after provisional": ([ok(OVER), bad(FINAL, 404)], FINAL, "provisional", True),
    "not known after provisional": ([ok(OVER), *GONE], FINAL + HOUR, "gone", False),
    "empty once": ([ok(FINAL, 0)], FINAL + 23 * HOUR, "provisional", False),
    "empty once, a day ago": ([ok(FINAL, 0)], FINAL + 24 * HOUR, "provisional", True),
    "empty twice too soon": ([ok(FINAL, 0), ok(FINAL + 23 * HOUR, 0)], FINAL + 23 * HOUR, "provisional", False),  # noqa: E501
    "empty twice": ([ok(FINAL, 0), ok(FINAL + 24 * HOUR, 0)], FINAL + 24 * HOUR, "empty", False),
    "empty before final does not count": ([ok(OVER, 0), ok(FINAL, 0)], FINAL, "provisional", False),
    "rows after empty": ([ok(FINAL, 0), ok(FINAL + HOUR)], FINAL + HOUR, "complete", False),
    "empty after rows": ([ok(OVER), ok(FINAL, 0)], FINAL, "complete", False),
    "list incomplete": ([ok(FINAL, complete=False)], FINAL, "partial", True),
    "list incomplete, then whole": ([ok(FINAL, complete=False), ok(FINAL)], FINAL, "complete", False),  # noqa: E501
    "failed": ([bad(FINAL, 503)], FINAL, "failed", True),
    "time-out": ([bad(FINAL, None)], FINAL, "failed", True),
    "no token": ([bad(FINAL, 401)], FINAL, "forbidden", False),
    "not paid": ([bad(FINAL, 402)], FINAL, "forbidden", False),
    "no scope": ([bad(FINAL, 403)], FINAL, "forbidden", False),
    "not known once": ([bad(FINAL, 404)], FINAL + 9 * HOUR, "failed", True),
    "not known twice too soon": ([bad(FINAL, 404)] * 2, FINAL + 9 * HOUR, "failed", True),
    "gone": (GONE, FINAL + 20 * HOUR, "gone", False),
    "gone, a day ago": (GONE, FINAL + 21 * HOUR, "gone", True),
    "not the API's own refusal": ([bad(FINAL, 403, "foreign")], FINAL, "failed", True),
    "not the API's own 404": ([bad(FINAL, 404, "foreign"), bad(FINAL + HOUR, 404)], FINAL + HOUR, "failed", True),  # noqa: E501
    "failed after forbidden": ([bad(FINAL, 403), bad(FINAL, 500)], FINAL, "failed", True),
    "imported with a proof": ([of(Rank.IMPORT, FINAL)], FINAL, "complete", False),
    "imported with a proof, before it was final": ([of(Rank.IMPORT, OVER)], OVER, "provisional", False),  # noqa: E501
    "imported with a proof, then refused": ([of(Rank.IMPORT, FINAL), bad(FINAL, 402)], FINAL, "complete", False),  # noqa: E501
    "imported without a proof": ([of(Rank.IMPORT, FINAL, complete=False)], FINAL, "unproven", True),
    "imported empty": ([of(Rank.IMPORT, FINAL, 0)] * 2, FINAL + 24 * HOUR, "not_requested", True),
    "imported without a proof, then fetched": ([of(Rank.IMPORT, FINAL, complete=False), ok(FINAL)], FINAL, "complete", False),  # noqa: E501
    "fetched, then imported without a proof": ([ok(FINAL), of(Rank.IMPORT, FINAL, complete=False)], FINAL, "complete", False),  # noqa: E501
    "fetched while it ran, and imported": ([ok(OVER), of(Rank.IMPORT, FINAL, complete=False)], OVER, "provisional", False),  # noqa: E501
    "fetched at noon, read locally since": ([ok(OVER - 12 * HOUR), of(Rank.LOCAL, OVER - HOUR, complete=False)], OVER - HOUR, "unproven", False),  # noqa: E501
    "fetched at noon, read locally since, over": ([ok(OVER - 12 * HOUR), of(Rank.LOCAL, OVER, complete=False)], OVER, "unproven", True),  # noqa: E501
    "fetched when over, read locally before": ([ok(OVER), of(Rank.LOCAL, OVER - HOUR, complete=False)], OVER, "provisional", False),  # noqa: E501
    "refused at noon, read locally since": ([ok(OVER - 12 * HOUR), bad(OVER, 402), of(Rank.LOCAL, OVER, complete=False)], FINAL, "unproven", True),  # noqa: E501
    "refused, read locally": ([of(Rank.LOCAL, OVER, complete=False), bad(FINAL, 402)], FINAL, "unproven", True),  # noqa: E501
    "not known, read locally": ([of(Rank.LOCAL, OVER, complete=False), *GONE], FINAL + HOUR, "unproven", False),  # noqa: E501
    "empty twice, read locally": ([of(Rank.LOCAL, OVER, complete=False), ok(FINAL, 0), ok(FINAL + 24 * HOUR, 0)], FINAL + 24 * HOUR, "unproven", False),  # noqa: E501
    "whole at another address": ([of(Rank.OTHER_API, FINAL)], FINAL, "unproven", True),
    "empty at another address": ([of(Rank.OTHER_API, FINAL, 0)] * 2, FINAL + 24 * HOUR, "not_requested", True),  # noqa: E501
    "failed after partial": ([ok(FINAL, complete=False), bad(FINAL, 500)], FINAL, "failed", True),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_states(lake: Lake, case: str) -> None:
    entries, now, state, due = CASES[case]
    for entry in entries:
        lake.archive.append([entry])
    lake.archive.flush()
    (row,) = built_coverage(lake, RULES, expect(), DAY, DAY, now=now).to_pylist()
    assert (row["state"], row["due"]) == (state, due)
    # The same folded one response at a time, in whatever segments they came.
    assert row["error_count"] == sum(entry.outcome == "error" for entry in entries)


def test_folding_step_by_step_and_at_once_agree_and_the_view_agrees_with_both(lake: Lake) -> None:
    for number, case in enumerate(CASES):
        for entry in CASES[case][0]:
            moved = {"device_id": f"D{number:02d}"}
            lake.archive.append([Entry(**{n: getattr(entry, n) for n in Entry.__slots__} | moved)])
            lake.archive.flush()
        built_coverage(lake, RULES, expect(), DAY, DAY)
    publish(lake, ToyDecoder().tables)
    sql = "SELECT * EXCLUDE is_expected FROM coverage ORDER BY device_id"
    with connect(lake) as connection:
        stepwise = connection.execute(sql).fetchall()
    (lake.folder / "index/manifests/coverage.json").unlink()
    (lake.folder / "index/manifests/requests.json").unlink()
    compact(lake.archive)
    built_coverage(lake, RULES, expect(), DAY, DAY)
    with connect(lake) as connection:
        at_once = connection.execute(sql).fetchall()
    assert stepwise == at_once
    expected = [(f"D{n:02d}", case[2]) for n, case in enumerate(CASES.values()) if case[0]]
    assert [(row[1], row[3]) for row in at_once] == expected


def test_pages_of_a_fetch_are_one_response(lake: Lake) -> None:
    lake.archive.append([ok(FINAL, 2, page=page, page_count=3) for page in (1, 2, 3)])
    lake.archive.append([bad(FINAL, 500)])
    lake.archive.flush()
    (row,) = built_coverage(lake, RULES, expect(), DAY, DAY).to_pylist()
    assert (row["state"], row["rows"], row["last_error_status"]) == ("complete", 6, 500)


def test_only_expected_days_and_which_of_them_are_due(lake: Lake) -> None:
    lake.archive.append([ok(FINAL)])
    lake.archive.flush()
    wanted = expect(DAY - timedelta(days=2), None)
    found = built_coverage(lake, RULES, wanted, DAY - timedelta(days=9), DAY, now=FINAL)
    assert [row["request_date"].day for row in found.to_pylist()] == [30, 31, 1]
    assert [row["request_date"].day for row in found.to_pylist() if row["due"]] == [30, 31]
    assert built_coverage(lake, RULES, wanted, DAY, DAY - timedelta(days=1)).num_rows == 0


def test_a_changed_rule_is_applied_to_what_was_folded_before(lake: Lake) -> None:
    lake.archive.append([ok(FINAL)])
    lake.archive.flush()
    rules = [[CoverageRule("readings", days)] for days in (1, 2, 1)]
    found = [built_coverage(lake, rule, expect(), DAY, DAY) for rule in rules]
    states = [days["state"][0].as_py() for days in found]
    assert states == ["complete", "provisional", "complete"]


def test_the_view_lists_days_that_were_never_requested(lake: Lake) -> None:
    publish(lake, ToyDecoder().tables)
    lake.expect(expect(DAY, DAY + timedelta(days=2)))
    with connect(lake) as connection:
        rows = connection.execute(
            "SELECT request_date, state, is_expected FROM coverage ORDER BY 1"
        ).fetchall()
    assert rows == [(DAY + timedelta(days=at), "not_requested", True) for at in range(3)]


@pytest.mark.slow
@at_moments(
    "2026-05-01T00:05+01:00",
    "2026-05-01T00:55+00:00",
    "autumn, the first hour of the day",
    "a day of 29 February",
    "the last minutes of a year",
)
def test_the_view_ends_with_the_devices_own_today_whatever_zone_the_session_has(
    lake: Lake, moment: datetime
) -> None:
    """A session in Tokyo had tomorrow as missing, one in UTC lacked the first hour of a day."""
    publish(lake, ToyDecoder().tables)
    first = moment.date() - timedelta(days=3)
    for zone in ("Europe/London", None):
        lake.expect(expect(first, None, zone))
        last = moment.astimezone(ZoneInfo(zone or "UTC")).date()
        days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
        for session in ("UTC", "Europe/London", "Asia/Tokyo", "America/Los_Angeles"):
            with connect(lake) as connection:
                connection.execute(f"SET TimeZone = '{session}'")
                rows = connection.execute("SELECT request_date FROM coverage ORDER BY 1").fetchall()
            assert [day for (day,) in rows] == days, (zone, session)


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    ("answers", "contact", "states"),
    [
        ([404], None, ["failed", "not_requested"]),  # it was refused once
        ([404, 404], None, ["gone", "gone"]),
        ([200, 404, 404], FINAL, ["complete", "gone"]),
        ([404, 404], FINAL + 9 * HOUR, ["failed", "not_requested"]),  # it was in contact since
        ([404, None], FINAL, ["failed", "not_requested"]),
        ([404, 200], FINAL, ["complete", "not_requested"]),
        ([403], FINAL, ["forbidden", "not_requested"]),
    ],
)
def test_days_never_requested_of_a_device_that_is_gone_are_gone(
    lake: Lake, answers: list[int | None], contact: datetime | None, states: list[str]
) -> None:
    for hours, status in enumerate(answers, 1):
        at = FINAL + hours * HOUR
        lake.archive.append([ok(at) if status == 200 else bad(at, status)])
    lake.archive.flush()
    wanted = expect(DAY, DAY + timedelta(days=1), contact=contact)
    lake.expect(wanted)
    publish(lake, ToyDecoder().tables)
    found = built_coverage(lake, RULES, wanted, DAY, DAY + timedelta(days=1), now=at).to_pylist()
    assert [row["state"] for row in found] == states
    assert found[1]["due"] == (states[1] == "not_requested")
    with connect(lake) as connection:
        sql = "SELECT state, reason FROM coverage ORDER BY request_date"
        assert connection.execute(sql).fetchall() == [(r["state"], r["reason"]) for r in found]


def test_a_day_that_a_device_did_not_know_is_requested_again_if_it_knows_others(lake: Lake) -> None:
    other = DAY + timedelta(days=1)
    answer = ok(FINAL + timedelta(days=2))
    moved = {name: getattr(answer, name) for name in Entry.__slots__} | {"request_date": other}
    lake.archive.append([bad(FINAL, 404)])
    lake.archive.append([Entry(**moved)])
    lake.archive.flush()
    wanted = expect(DAY, other)
    lake.expect(wanted)
    publish(lake, ToyDecoder().tables)
    found = built_coverage(lake, RULES, wanted, DAY, other, now=answer.fetched_at).to_pylist()
    assert [(row["state"], row["due"]) for row in found] == [("failed", True), ("complete", False)]
    with connect(lake) as connection:
        sql = "SELECT state, reason, due_at FROM coverage ORDER BY request_date"
        told = [(row["state"], row["reason"], row["due_at"]) for row in found]
        assert connection.execute(sql).fetchall() == told


def test_expectations_of_an_older_givlake_do_not_hinder_the_catalogue(lake: Lake) -> None:
    older = expect().drop_columns("last_contact_at")
    pq.write_table(older, lake.folder / "expected_days.parquet")
    publish(lake, ToyDecoder().tables)
    with connect(lake) as connection:
        assert connection.execute("SELECT state FROM coverage").fetchall() == [("not_requested",)]


@pytest.mark.parametrize(
    ("day", "zone", "over"),
    [
        (date(2024, 3, 31), "Europe/London", datetime(2024, 4, 1, tzinfo=UTC)),
        (date(2024, 10, 27), "Europe/London", datetime(2024, 10, 28, tzinfo=UTC)),
        (date(2024, 7, 1), "America/New_York", datetime(2024, 7, 2, 4, tzinfo=UTC)),
        (date(2024, 7, 1), "Australia/Sydney", datetime(2024, 7, 2, tzinfo=UTC)),
        (date(2024, 7, 1), None, datetime(2024, 7, 2, tzinfo=UTC)),
    ],
)
def test_a_day_is_over_when_it_is_in_its_zone_and_in_utc(
    day: date, zone: str | None, over: datetime
) -> None:
    assert day_is_over_at(day, zone) == over


@settings(deadline=None)
@given(st.permutations(range(6)), st.integers(1, 5))
def test_facts_fold_the_same_in_any_order_and_grouping(order: list[int], cut: int) -> None:
    base = dict.fromkeys(FOLDED_SCHEMA.names) | {
        "dataset": "d", "device_id": "A", "request_date": DAY, "request_count": 1,
    }  # fmt: skip
    facts = [
        base | {"complete_id": 3, "rows_id": 3, "rows": 7, "final_at": FINAL, "error_count": 0},
        base | {"complete_id": 5, "first_final_empty_at": OVER, "error_count": 0},
        base | {"error_id": 4, "last_error": "x", "last_error_status": 503, "error_count": 1},
        base | {"error_id": 9, "last_error": None, "last_error_status": 404, "error_count": 1},
        base | {"partial_id": 2, "error_count": 0},
        base | {"device_id": "B", "complete_id": 1, "error_count": 0},
    ]
    shuffled = pa.Table.from_pylist([facts[at] for at in order], FOLDED_SCHEMA)
    at_once = fold(pa.Table.from_pylist(facts, FOLDED_SCHEMA)).to_pylist()
    parts = pa.concat_tables([fold(shuffled.slice(0, cut)), shuffled.slice(cut)])
    assert fold(parts).to_pylist() == at_once
    assert at_once[0]["error_id"] == 9
    assert at_once[0]["last_error"] is None
    assert (at_once[0]["rows"], at_once[0]["complete_id"], at_once[0]["error_count"]) == (7, 5, 2)
