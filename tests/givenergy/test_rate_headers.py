"""Headers about the rate that cannot be true are not believed."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from givenergy.budget.request_budget import RequestOutcome
from givenergy.response import rate_signal
from givenergy.server_clock import ServerClock, clock_correction_s, correct_clock, utc_now

NINES = "9" * 5000


@pytest.mark.parametrize("limit", ["0", "-1", "", "many", "300.5", "1e3", "999999999", NINES])
def test_an_impossible_limit_is_ignored_with_what_remains_of_it(limit):
    headers = {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": "0"}
    signal = rate_signal(RequestOutcome.ANSWERED, headers)
    assert (signal.limit, signal.remaining) == (None, None)


def test_what_remains_counts_with_a_credible_limit_or_without_one():
    headers = {"X-RateLimit-Limit": " 300 ", "X-RateLimit-Remaining": "12"}
    signal = rate_signal(RequestOutcome.ANSWERED, headers)
    assert (signal.limit, signal.remaining) == (300, 12)
    del headers["X-RateLimit-Limit"]
    assert rate_signal(RequestOutcome.ANSWERED, headers).remaining == 12
    for text in ("-1", "none", NINES):
        headers["X-RateLimit-Remaining"] = text
        assert rate_signal(RequestOutcome.ANSWERED, headers).remaining is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("-7", None),
        ("soon", None),
        ("", None),
        (NINES, None),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0.0),
        ("Wed, 01 Jan 2020 00:00:00 -0000", 0.0),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date_and_nothing_else(text, seconds):
    headers = {"Retry-After": text}
    assert rate_signal(RequestOutcome.RATE_LIMITED, headers).retry_after_s == seconds


@pytest.mark.parametrize("text", ["yesterday", "Mon, 01 Jan 99999 00:00:00 GMT", NINES])
def test_a_date_that_is_none_gives_no_time_of_the_server(text):
    clock = ServerClock()
    clock.note({"Date": text})
    assert clock.ahead_s() is None


def test_a_retry_after_date_is_compared_with_the_time_of_the_api():
    correct_clock(3 * 3600.0)
    headers = {"Retry-After": format_datetime(utc_now() + timedelta(seconds=60))}
    assert 50 < rate_signal(RequestOutcome.RATE_LIMITED, headers).retry_after_s <= 60


def test_a_clock_near_the_tolerance_is_not_corrected_to_and_fro():
    corrections = []
    for ahead_s in (170.0, 181.0, 170.0, 121.0, 119.0, 170.0, -181.0, -121.0):
        correct_clock(ahead_s)
        corrections.append(clock_correction_s())
    assert corrections == [0.0, 181.0, 170.0, 121.0, 0.0, 0.0, -181.0, -121.0]
