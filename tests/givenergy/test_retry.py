"""Which attempts of a request count towards giving it up."""

import pytest

from givenergy.budget.request_budget import RequestOutcome
from givenergy.response import AttemptFailure
from givenergy.retry import ForeignAnswers, RetryPolicy, RetryState

POLICY = RetryPolicy()


def state_after(count, outcome, *, probe=False):
    state = RetryState("GET /x", "api.example", ForeignAnswers(POLICY), most_attempts=12)
    failure = AttemptFailure("x", "It failed.", None, outcome, {})
    for number in range(1, count + 1):
        state.attempts += 1
        error = state.count_failure(failure, "x", policy=POLICY, reached=True, probe=probe)
        assert error is None or number == count
    return state, error


@pytest.mark.parametrize(
    ("outcome", "probe"),
    [
        (RequestOutcome.UNREACHED, False),
        (RequestOutcome.UNREACHED, True),
        (RequestOutcome.FAILED, True),
        (RequestOutcome.RATE_LIMITED, False),
    ],
)
def test_an_outage_between_two_datasets_is_waited_for(outcome, probe):
    state, error = state_after(40, outcome, probe=probe)
    assert (state.tried, error) == (0, None)


def test_what_is_sent_once_is_not_repeated_as_a_probe():
    state = RetryState(
        "POST /x", "api.example", ForeignAnswers(POLICY), most_attempts=1, is_sent_once=True
    )
    for outcome in (RequestOutcome.UNREACHED, RequestOutcome.RATE_LIMITED, RequestOutcome.FAILED):
        state.attempts += 1
        failure = AttemptFailure("x", "It failed.", None, outcome, {})
        error = state.count_failure(failure, "x", policy=POLICY, reached=True, probe=True)
        assert (error is None) == (outcome is not RequestOutcome.FAILED)
    assert state.tried == 1


def test_attempts_that_reach_the_api_are_limited():
    state, error = state_after(12, RequestOutcome.FAILED)
    assert state.tried == 12
    assert "failed 12 times" in str(error)
