"""What a page of the dashboard shows: ranges of days that follow from a period and a date."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dashboard import Compare, DashboardDevice, Period, Scope, ScopeError, scope_of

DAY = timedelta(days=1)
FIRST, LAST, TODAY = date(2020, 11, 9), date(2025, 12, 18), date(2025, 12, 20)
NOON = datetime(2025, 12, 20, 12, tzinfo=UTC)
ZONES = ("Europe/London", "Australia/Lord_Howe", "Pacific/Kiritimati", "America/Los_Angeles", "UTC")
BOUNDED = (Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR)
days = st.dates(date(2019, 1, 1), date(2026, 12, 31))


def device(first=FIRST, last=LAST, zone="Europe/London"):
    return DashboardDevice("site", "70001", zone, first, last, "70001")


def scope(period, day, today=TODAY, **known):
    return Scope(device(**known), Period(period), min(day, today), today)


def length(days_of):
    return (days_of[1] - days_of[0]).days + 1


@given(st.sampled_from(list(Period)), days, days)
def test_a_period_holds_its_date_and_ends_today_at_the_latest(period, day, today):
    shown = scope(period, day, today)
    if period is Period.ALL:
        assert shown.start == min(FIRST, today)
        assert (shown.before, shown.year_earlier) == (None, None)
    else:
        assert shown.start <= shown.day <= shown.end <= shown.full_end
    assert shown.end == min(shown.full_end, today)


@given(st.sampled_from(BOUNDED), days, days)
def test_periods_follow_each_other_without_a_day_between(period, day, today):
    shown = scope(period, day, today)
    if shown.before is None:
        return
    start, end = shown.before
    full = Scope(device(), period, start, date(2099, 1, 1))
    assert full.full_end + DAY == shown.start
    assert start <= end <= full.full_end < shown.start
    if shown.end == shown.full_end:
        assert end == full.full_end
    elif period is Period.YEAR:
        assert shown.before == shown.year_earlier
    else:
        assert length(shown.before) == min(length((shown.start, shown.end)), full_length(full))


def full_length(whole):
    return length((whole.start, whole.full_end))


@given(st.sampled_from(BOUNDED), days, days)
def test_a_year_earlier_is_a_whole_period_of_the_kind_or_ends_on_the_same_day_of_the_year(
    period, day, today
):
    shown = scope(period, day, today)
    start, end = shown.year_earlier
    whole = Scope(device(), period, start, date(2099, 1, 1))
    assert whole.start == start
    assert end < shown.start
    assert 363 <= (shown.start - start).days <= 366
    if period is Period.WEEK:
        assert start.weekday() == shown.start.weekday()
    else:
        assert (start.month, start.day) in {
            (shown.start.month, shown.start.day),
            (2, 28) if (shown.start.month, shown.start.day) == (2, 29) else None,
        }
    if shown.end == shown.full_end:
        assert end == whole.full_end
    elif period is Period.WEEK:
        assert length(shown.year_earlier) == length((shown.start, shown.end))
    else:
        leap_day = (2, 28) if (shown.end.month, shown.end.day) == (2, 29) else None
        assert (end.month, end.day) == (leap_day or (shown.end.month, shown.end.day))


@given(st.sampled_from(BOUNDED), days)
def test_arrows_go_there_and_back_between_the_first_and_the_last_day_with_data(period, day):
    shown = scope(period, day)
    if shown.next_date is not None:
        following = scope(period, shown.next_date)
        assert following.start == shown.full_end + DAY <= LAST
        if following.previous_date is not None:
            assert scope(period, following.previous_date).start == shown.start
    else:
        assert shown.full_end >= LAST
    if shown.previous_date is not None:
        assert scope(period, shown.previous_date).full_end == shown.start - DAY >= FIRST
    else:
        assert shown.start <= FIRST


@given(st.sampled_from(list(Period)), days, days, st.sampled_from(ZONES))
def test_instants_are_those_of_the_local_days(period, day, today, zone):
    shown = scope(period, day, today, zone=zone)
    values = shown.parameters()
    local = [
        values[name].astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        for name in ("start_at", "end_at")
    ]
    assert [each.date() for each in local] == [shown.start, shown.end + DAY]
    assert values["start_at"].tzinfo is UTC
    expected = (shown.end - max(shown.start, FIRST)).days + 1
    assert values["days_expected"] == max(0, expected)
    assert abs(values["half_hours_expected"] - 48 * max(0, expected)) <= 2
    if not expected > 0:
        assert values["half_hours_expected"] == 0


@pytest.mark.parametrize(
    ("period", "day", "start", "end", "before", "year"),
    [
        ("day", "2024-02-29", "2024-02-29", "2024-02-29", "2024-02-28 2024-02-28",
         "2023-02-28 2023-02-28"),
        ("week", "2025-01-01", "2024-12-30", "2025-01-05", "2024-12-23 2024-12-29",
         "2024-01-01 2024-01-07"),
        ("month", "2024-03-31", "2024-03-01", "2024-03-31", "2024-02-01 2024-02-29",
         "2023-03-01 2023-03-31"),
        ("month", "2024-02-10", "2024-02-01", "2024-02-29", "2024-01-01 2024-01-31",
         "2023-02-01 2023-02-28"),
        ("month", "2025-12-05", "2025-12-01", "2025-12-20", "2025-11-01 2025-11-20",
         "2024-12-01 2024-12-20"),
        ("year", "2025-12-05", "2025-01-01", "2025-12-20", "2024-01-01 2024-12-20",
         "2024-01-01 2024-12-20"),
        ("week", "2025-12-20", "2025-12-15", "2025-12-20", "2025-12-08 2025-12-13",
         "2024-12-16 2024-12-21"),
    ],
)  # fmt: skip
def test_ranges(period, day, start, end, before, year):
    shown = scope(period, date.fromisoformat(day))
    answer = shown.as_json()
    assert (str(answer["start"]), str(answer["end"])) == (start, end)
    assert f"{answer['before_start']} {answer['before_end']}" == before
    assert f"{answer['year_start']} {answer['year_end']}" == year


@pytest.mark.parametrize(
    ("zone", "day", "half_hours"),
    [
        ("Europe/London", "2024-03-31", 46),
        ("Europe/London", "2024-10-27", 50),
        ("Europe/London", "2024-06-10", 48),
        # This zone changes its clocks by half an hour.
        ("Australia/Lord_Howe", "2024-10-06", 47),
    ],
)
def test_half_hours_of_a_day(zone, day, half_hours):
    values = scope("day", date.fromisoformat(day), zone=zone).parameters()
    assert values["half_hours_expected"] == half_hours
    assert (values["end_at"] - values["start_at"]).total_seconds() == 1800 * half_hours


def test_defaults_are_the_last_day_with_data_and_no_comparison():
    shown = scope_of({}, device(), NOON)
    assert (shown.period, shown.day, shown.compare) == (Period.DAY, LAST, Compare.NONE)
    assert scope_of({}, device(last=date(2026, 1, 1)), NOON).day == TODAY
    assert scope_of({"date": "2030-01-01"}, device(), NOON).day == TODAY


def test_today_is_that_of_the_zone_of_the_device():
    assert scope_of({}, device(zone="Pacific/Kiritimati"), NOON).today == TODAY + DAY
    late = datetime(2025, 7, 1, 23, 30, tzinfo=UTC)
    assert scope_of({}, device(), late).today == date(2025, 7, 2)


@pytest.mark.parametrize("period", list(Period))
def test_a_device_without_data_and_none_at_all(period):
    for nothing in (device(None, None), None):
        shown = scope_of({"period": period}, nothing, NOON)
        assert shown.start <= shown.day == shown.end == TODAY
        assert (shown.previous_date, shown.next_date) == (None, None)
        assert shown.parameters()["days_expected"] == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"period": "hour"}, "period='hour' is unknown: use one of day, week, month, year, all."),
        ({"compare": "x"}, "compare='x' is unknown: use one of none, before, year."),
        *(
            ({"date": text}, f"date={text!r} is no date: use the form 2025-06-01, from 1990 to"
             " 2199.")
            for text in ("2025-02-30", "2025-W01-1", "20250601", "0001-01-01", "9999-12-31", "x")
        ),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_said_in_a_sentence(arguments, sentence):
    with pytest.raises(ScopeError) as raised:
        scope_of(arguments, device(), NOON)
    assert str(raised.value) == sentence
