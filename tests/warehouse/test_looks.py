"""When a day that is not whole is looked at again: properties, in Python and in SQL."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from warehouse.coverage.looks import NEVER, SILENT, WHOLE, look_again

DAY = timedelta(days=1)
OVER = datetime(2025, 6, 2, tzinfo=UTC)
DAYS = (2, 4, 8, 16, 32)


def us(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6)


def decide(looked_days, continued_days, now_days, *, final=True):
    """Decide about one day; times are days after it was over."""

    def at(days):
        return days if isinstance(days, int) and days < 0 else us(OVER + DAY * days)

    due_by_facts = us(OVER + DAY * 1000)
    incomplete, silent, due_at = look_again(
        np.array([True]),
        np.array([final]),
        np.array([us(OVER)]),
        np.array([us(OVER + DAY * looked_days)]),
        np.array([continued_days if continued_days in (WHOLE, SILENT) else at(continued_days)]),
        np.array([due_by_facts]),
        OVER + DAY * now_days,
    )
    days = (due_at[0] - us(OVER)) / (DAY / timedelta(microseconds=1))
    return bool(incomplete[0]), bool(silent[0]), None if due_at[0] == NEVER else days


@given(st.floats(0, 31.9), st.floats(-1, 31.9))
def test_an_incomplete_day_is_due_at_the_next_look_or_when_the_device_is_back(looked, continued):
    continued = min(continued, looked)
    assert decide(looked, continued, 50) == (True, False, next(d for d in DAYS if d > looked))
    back = looked + 0.001
    incomplete, silent, due = decide(looked, back, 50)
    assert (incomplete, silent) == (True, False)
    assert abs(due - back) < 1e-9


@given(st.floats(32, 400), st.floats(-1, 500))
def test_after_the_last_look_the_facts_apply(looked, continued):
    assert decide(looked, continued, 500) == (False, False, 1000)


@given(st.floats(0, 31.9), st.floats(0, 60))
def test_a_silent_device_is_not_asked_again_before_it_is_back_or_the_last_look(looked, now):
    expected = (False, True, None) if now < 32 else (False, False, 1000)
    assert decide(looked, SILENT, max(now, looked)) == expected


@given(st.floats(0, 60), st.floats(0, 60))
def test_a_whole_day_is_final(looked, now):
    assert decide(looked, WHOLE, now) == (False, False, 1000)


@given(st.floats(0, 31), st.floats(0.1, 10))
def test_a_day_that_is_not_final_yet_is_due_when_the_device_is_back(looked, later):
    assert decide(looked, looked, 50, final=False) == (False, False, 1000)
    _, _, due = decide(looked, looked + later, 50, final=False)
    assert abs(due - looked - later) < 1e-9
