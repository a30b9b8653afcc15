"""The cookbook's SQL runs on its account and has the answers that the document shows."""

import pytest

from benchmarks.marts.account import cookbook_account
from benchmarks.marts.cookbook import COOKBOOK, answers
from benchmarks.marts.questions import BEFORE, QUESTIONS, answered

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    with cookbook_account(tmp_path_factory.mktemp("cookbook") / "owner") as (sim, owner):
        yield sim, owner


def test_every_answer_of_the_cookbook_is_that_of_its_sql(account):
    _, owner = account
    found = list(answers(COOKBOOK.read_text(), owner.data))
    assert len(found) >= 25
    for sql, documented, answer in found:
        assert documented == answer, f"{sql}\n{answer}"
        assert answer.count("\n") > 2, f"no rows: {sql}"


def test_answers_of_marts_are_those_of_tables_and_of_the_simulation(account):
    sim, owner = account
    found = list(answered(sim, owner.data))
    for one in found:
        assert one.from_truth is None or one.from_truth <= 0.25, one
    # The mart takes days without flows from counters, and leaves the home's energy out.
    assert {one.question for one in found if one.difference > 0.01} == {
        "How does this month compare with the same month last year?"
    }


def test_every_query_over_tables_belongs_to_a_question():
    assert {name for name, _ in QUESTIONS.values()} == {path.stem for path in BEFORE.iterdir()}
