"""When a day that is not whole is looked at again: properties of `look_again`."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from warehouse.coverage.looks import NEVER, SILENT, WHOLE, look_again

OVER = datetime(2025, 6, 2, tzinfo=UTC)
# All times are whole minutes after the day was over: a fraction of a day can round onto a limit.
MINUTE_US = 60_000_000
HOUR, DAY = 60, 24 * 60
LOOKS = [DAY * days for days in (2, 4, 8, 16, 32)]
DUE_BY_FACTS = 1000 * DAY
# 31.9 days, the latest fetch before the last look.
BEFORE_LAST_LOOK = 319 * DAY // 10


def us(minutes: int) -> int:
    """Return a time in microseconds since 1970."""
    return int((OVER + timedelta(minutes=minutes)).timestamp() * 1e6)


def decide(looked, continued, now, *, final=True):
    """Decide about one day.

    Args:
        looked: When the day was fetched.
        continued: When data were known to continue, or `WHOLE` or `SILENT`.
        now: The present time.
        final: Whether a response from when the day was final decides its state.

    Returns:
        Whether the day is incomplete, whether its device is silent, and when the day is due.
    """
    incomplete, silent, due_at = look_again(
        np.array([True]),
        np.array([final]),
        np.array([us(0)]),
        np.array([us(looked)]),
        np.array([continued if continued in (WHOLE, SILENT) else us(continued)]),
        np.array([us(DUE_BY_FACTS)]),
        OVER + timedelta(minutes=now),
    )
    due = None if due_at[0] == NEVER else (due_at[0] - us(0)) / MINUTE_US
    return bool(incomplete[0]), bool(silent[0]), due


@given(st.integers(0, BEFORE_LAST_LOOK), st.integers(-DAY, BEFORE_LAST_LOOK))
def test_an_incomplete_day_is_due_at_the_next_look_or_when_the_device_is_back(looked, continued):
    continued = min(continued, looked)
    next_look = next(look for look in LOOKS if look > looked)
    assert decide(looked, continued, 50 * DAY) == (True, False, next_look)
    assert decide(looked, looked + 1, 50 * DAY) == (True, False, looked + 1)


@given(st.integers(32 * DAY, 400 * DAY), st.integers(-DAY, 500 * DAY))
def test_after_the_last_look_the_facts_apply(looked, continued):
    assert decide(looked, continued, 500 * DAY) == (False, False, DUE_BY_FACTS)


@given(st.integers(0, BEFORE_LAST_LOOK), st.integers(0, 60 * DAY))
def test_a_silent_device_is_not_asked_again_before_it_is_back_or_the_last_look(looked, now):
    expected = (False, True, None) if now < LOOKS[-1] else (False, False, DUE_BY_FACTS)
    assert decide(looked, SILENT, max(now, looked)) == expected


@given(st.integers(0, 60 * DAY), st.integers(0, 60 * DAY))
def test_a_whole_day_is_final(looked, now):
    assert decide(looked, WHOLE, now) == (False, False, DUE_BY_FACTS)


@given(st.integers(0, 31 * DAY), st.integers(2 * HOUR, 10 * DAY))
def test_a_day_that_is_not_final_yet_is_due_when_the_device_is_back(looked, later):
    assert decide(looked, looked, 50 * DAY, final=False) == (False, False, DUE_BY_FACTS)
    assert decide(looked, looked + later, 50 * DAY, final=False)[2] == looked + later
