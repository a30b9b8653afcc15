"""The quick benchmark notices a fifth more work, and only more work."""

import pytest

from benchmarks.quick.against_committed import INDEPENDENT, grown
from benchmarks.quick.decode_day import POINTS, answer, decode
from benchmarks.quick.inner import counts_of, instructions

COUNTS = {"decode": {"instructions": 1000, "requests": 10}, "plan": {"calls": 500}}


@pytest.mark.parametrize("share", [0.5, 1, 1.1])
def test_a_count_within_the_tolerance_passes(share):
    assert grown(multiplied(share), COUNTS) == []


def test_a_fifth_more_fails_and_names_every_count():
    assert grown(multiplied(1.2), COUNTS) == [
        "decode: instructions 1,000 -> 1,200 (+20.0 %)",
        "decode: requests 10 -> 12 (+20.0 %)",
        "plan: calls 500 -> 600 (+20.0 %)",
    ]


def test_without_counts_of_a_version_only_what_is_independent_of_it_is_compared():
    assert grown(multiplied(1.2), COUNTS, INDEPENDENT) == ["decode: requests 10 -> 12 (+20.0 %)"]


def test_what_was_never_counted_and_what_no_longer_is_fail():
    assert grown({"new": {"calls": 1}}, {"old": {"calls": 1}}) == [
        "new: calls has no committed figure",
        "old: no longer counted",
    ]


def test_a_few_more_fsyncs_of_a_loaded_machine_pass():
    assert grown({"sync": {"fsyncs": 35}}, {"sync": {"fsyncs": 20}}) == []
    assert grown({"sync": {"fsyncs": 36}}, {"sync": {"fsyncs": 20}}) == [
        "sync: fsyncs 20 -> 36 (+80.0 %)"
    ]


def test_from_none_is_growth():
    assert grown({"status": {"requests": 1}}, {"status": {"requests": 0}}) == [
        "status: requests 0 -> 1 (from none)"
    ]


@pytest.mark.slow
def test_a_fifth_more_points_are_noticed_in_instructions_and_memory():
    day, more = answer(), answer(POINTS * 12 // 10)
    before = {"decode": counts_of(lambda: decode(day))}
    assert grown({"decode": counts_of(lambda: decode(day))}, before) == []
    assert len(grown({"decode": counts_of(lambda: decode(more))}, before)) == len(before["decode"])


def test_the_same_work_takes_the_same_instructions():
    day = answer()
    decode(day)
    assert len({instructions(lambda: decode(day)) for _ in range(3)}) == 1


def multiplied(share):
    return {
        work: {name: int(count * share) for name, count in counted.items()}
        for work, counted in COUNTS.items()
    }
