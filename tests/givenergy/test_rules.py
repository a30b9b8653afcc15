"""The rules of the budget against a model of the server's fixed window, in invented time."""

import importlib.util
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from givenergy.budget import rules
from givenergy.budget.request_budget import OwnLimit, Priority, RequestOutcome, Signal
from givenergy.budget.rules import Policy
from givenergy.budget.state import AccountState, BucketState, Waiter

_spec = importlib.util.spec_from_file_location(
    "server_model", Path(__file__).with_name("server_model.py")
)
assert _spec is not None
assert _spec.loader is not None
server_model = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(server_model)
World = server_model.World

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=15, deadline=None)
@given(
    seed=seeds,
    threads=st.integers(1, 8),
    limit=st.sampled_from([2, 10, 60]),
    delay_ms=st.sampled_from([0, 5, 300, 4_000, 70_000]),
    headers=st.booleans(),
    lost=st.sampled_from([0.0, 0.1, 0.9]),
    dying=st.sampled_from([0.0, 0.1]),
    timeout_ms=st.sampled_from([100, 30_000, 90_000]),
    reserve=st.sampled_from([0, 1, 50]),
)
def test_alone_no_429_whatever_the_delays_losses_and_deaths(**how):
    world = World(requests=3 * how["limit"] + 7, **how)
    assert world.run(until_ms=8 * 60_000).refusals("ours") == 0


@settings(max_examples=6, deadline=None)
@given(
    seed=seeds,
    threads=st.integers(4, 16),
    delay_ms=st.integers(0, 100),
    dying=st.sampled_from([0.0, 0.01]),
)
@example(seed=1, threads=8, delay_ms=50, dying=0.0)
def test_full_windows_while_there_is_demand(seed, threads, delay_ms, dying):
    world = World(seed=seed, threads=threads, delay_ms=delay_ms, dying=dying, requests=760)
    server = world.run()
    assert [server.counts[i] >= 291 for i in range(len(server.started) - 1)] == [True, True]
    # The ideal is two windows; the 160 requests of the third take the threads this long as well.
    last_window_ms = 160 * delay_ms / threads
    assert world.ratio <= 1.035 + last_window_ms / (2 * world.window_ms)
    assert server.refusals("ours") == 0


# Shares in a simulation, not invariants: every run has the same examples, since a few in a hundred
# (seeds 20 and 15355 are two) have one refusal more.
@settings(max_examples=5, deadline=None, derandomize=True)
@given(
    seed=seeds,
    neighbour=st.integers(1, 100),
    bursts=st.booleans(),
    delay_ms=st.integers(10, 100),
)
def test_a_neighbour_is_seen_and_left_room(seed, neighbour, bursts, delay_ms):
    world = World(
        seed=seed,
        neighbour=neighbour,
        neighbour_bursts=bursts,
        delay_ms=delay_ms,
        requests=1200,
    )
    server = world.run()
    windows = len(server.started)
    assert max((n for (who, _), n in server.refused.items() if who == "ours"), default=0) <= 1
    assert server.refusals("neighbour", from_window=2) <= 0.05 * neighbour * (windows - 2)
    # Windows that were open from beginning to end while there was demand.
    for window in range(1, windows - 1):
        assert server.counts[window] >= 270


@settings(max_examples=6, deadline=None)
@given(seed=seeds, at_ms=st.integers(0, 125_000), delay_ms=st.integers(0, 100))
@example(seed=1, at_ms=58_900, delay_ms=50)
@example(seed=1, at_ms=59_400, delay_ms=50)
def test_today_waits_two_seconds_at_most_behind_a_backfill(seed, at_ms, delay_ms):
    world = World(seed=seed, delay_ms=delay_ms, requests=900, today_at_ms=at_ms, today_requests=30)
    server = world.run(until_ms=200_000)
    assert len(world.today_waits) == 30
    assert max(world.today_waits) <= 2_000
    assert server.refusals("ours") == 0


def test_a_reserve_is_never_spent():
    world = World(seed=3, reserve=50, requests=900)
    server = world.run()
    assert [server.counts[i] for i in range(3)] == [250, 250, 250]


@given(
    seed=seeds,
    at=st.integers(1, 500),
    how=st.sampled_from(["reboot", "deleted"]),
)
@settings(max_examples=8, deadline=None)
def test_no_429_after_a_reboot_or_a_deleted_store(seed, at, how):
    """A rebooted store counts all as just sent, a new one grants nothing for a window."""
    world = World(seed=seed, requests=700, delay_ms=300)
    ask, settle = world._ask, world._settle
    asked = held_until = 0

    def ask_and_disturb(now, thread, priority):
        nonlocal asked, held_until
        asked += 1
        if asked == at and how == "reboot":
            old = AccountState(boot="a", buckets={"account": world.bucket})
            old.restart("b", now)
            assert old.buckets["account"].in_flight == []
            world.bucket.last_reported = None
        elif asked == at:
            world.bucket = BucketState(world.limit)
            held_until = now + world.window_ms + world.policy.margin_ms
        if now < held_until:
            world.at(held_until, ("ask", thread, priority))
        else:
            ask(now, thread, priority)

    def settle_known_or_not(now, thread, priority, request, signal):
        if request not in world.bucket.in_flight:
            if how == "reboot":
                # The processes died with the machine: nobody settles what they sent.
                world.at(now, ("ask", thread, priority))
                return
            request = rules.open_request(world.bucket, now, id_=request.id, holder="")
        settle(now, thread, priority, request, signal)

    world._ask, world._settle = ask_and_disturb, settle_known_or_not
    assert world.run().refusals("ours") == 0


def _bucket_with(policy, count, now, *, remaining=None):
    bucket = BucketState(policy.limit)
    requests = [rules.open_request(bucket, now, id_=i, holder="") for i in range(1, count + 1)]
    for i, request in enumerate(requests):
        left = None if remaining is None else remaining - i
        rules.settle(
            bucket, policy, request, now, Signal(RequestOutcome.ANSWERED, policy.limit, left)
        )
    return bucket


def test_remaining_lowers_the_present_window():
    policy = Policy()
    bucket = _bucket_with(policy, 1, 1_000, remaining=100)
    assert rules.used_slots(bucket) == 200


def test_an_old_response_does_not_fill_a_new_window():
    """A slow answer of the former window arrives when the next one is known: it is not believed."""
    policy = Policy()
    bucket = _bucket_with(policy, 1, 1_000, remaining=250)
    slow = rules.open_request(bucket, 30_000, id_=2, holder="")
    rules.expire_slots(bucket, policy, 61_300)
    fresh = rules.open_request(bucket, 61_300, id_=3, holder="")
    rules.settle(bucket, policy, fresh, 61_400, Signal(RequestOutcome.ANSWERED, 300, 299))
    rules.settle(bucket, policy, slow, 61_500, Signal(RequestOutcome.ANSWERED, 300, 0))
    assert rules.used_slots(bucket) == 2


def test_a_lower_use_frees_the_former_window_at_once():
    policy = Policy()
    bucket = _bucket_with(policy, 200, 1_000, remaining=299)
    assert rules.used_slots(bucket) == 200
    late = rules.open_request(bucket, 30_000, id_=201, holder="")
    rules.settle(bucket, policy, late, 30_100, Signal(RequestOutcome.ANSWERED, 300, 298))
    assert rules.used_slots(bucket) == 2


def test_the_limit_is_learnt():
    policy = Policy()
    bucket = _bucket_with(policy, 1, 1_000)
    request = rules.open_request(bucket, 2_000, id_=2, holder="")
    rules.settle(bucket, policy, request, 2_100, Signal(RequestOutcome.ANSWERED, 60, 58))
    assert bucket.limit == 60


def test_a_request_that_never_left_costs_nothing():
    policy = Policy()
    bucket = BucketState(300)
    request = rules.open_request(bucket, 1_000, id_=1, holder="")
    rules.settle(bucket, policy, request, 2_000, Signal(RequestOutcome.UNREACHED))
    assert rules.used_slots(bucket) == 0
    assert bucket.window is None


@pytest.mark.parametrize(
    ("retry_after_s", "wait_ms"), [(7.0, 7_250), (None, 60_250), (0.0, 250), (90_000.0, 3_600_250)]
)
def test_a_429_pauses_everybody_once(retry_after_s, wait_ms):
    policy = Policy()
    bucket = BucketState(300)
    requests = [rules.open_request(bucket, 1_000, id_=i, holder="") for i in (1, 2)]
    refusal = Signal(RequestOutcome.RATE_LIMITED, 300, 0, retry_after_s)
    rules.settle(bucket, policy, requests[0], 2_000, refusal)
    rules.settle(bucket, policy, requests[1], 3_000, refusal)
    assert bucket.refusals == 1
    assert bucket.pause_until_ms == 2_000 + wait_ms
    rules.expire_slots(bucket, policy, 2_100)
    waits = {p: rules.admit(bucket, policy, 2_100, priority=p) for p in Priority}
    assert waits == dict.fromkeys(Priority, wait_ms - 100)


@pytest.mark.parametrize(
    ("remaining", "retry_after_s", "waits"),
    [
        (0, None, [60] * 20),
        (None, None, [2, 4, 8, *[10] * 17]),
        (290, None, [2, 4, 8, *[10] * 17]),
        (290, 0.0, [0, 4, 8, *[10] * 17]),
        (290, 30.0, [30] * 20),
    ],
    ids=["the limit", "without headers", "with room left", "at once", "told when"],
)
def test_a_storm_of_twenty_429_ends_within_four_minutes_unless_it_is_the_limit(
    remaining, retry_after_s, waits
):
    policy = Policy()
    bucket = BucketState(300)
    now, paused = 1_000, []
    for id_ in range(1, 21):
        rules.expire_slots(bucket, policy, now)
        assert rules.admit(bucket, policy, now, priority=Priority.BACKFILL) == 0
        request = rules.open_request(bucket, now, id_=id_, holder="")
        # One request at a time looks whether it is over.
        assert rules.admit(bucket, policy, now, priority=Priority.BACKFILL) > 0
        refusal = Signal(RequestOutcome.RATE_LIMITED, 300, remaining, retry_after_s)
        rules.settle(bucket, policy, request, now, refusal)
        paused.append((bucket.pause_until_ms - now) // 1_000)
        now = bucket.pause_until_ms
    assert paused == waits
    rules.expire_slots(bucket, policy, now)
    request = rules.open_request(bucket, now, id_=21, holder="")
    rules.settle(bucket, policy, request, now, Signal(RequestOutcome.ANSWERED, 300, 299))
    assert bucket.refusals == 0


def test_an_own_limit_is_counted_apart():
    own = OwnLimit(10, 3600)
    policy = Policy(
        limit=own.requests, window_ms=int(own.window_s * 1000), keep_start=0.0, keep_end=0.0
    )
    bucket = BucketState(policy.limit)
    for id_ in range(1, 11):
        rules.expire_slots(bucket, policy, id_ * 100)
        assert rules.admit(bucket, policy, id_ * 100, priority=Priority.TODAY) == 0
        request = rules.open_request(bucket, id_ * 100, id_=id_, holder="")
        rules.settle(bucket, policy, request, id_ * 100 + 50, Signal(RequestOutcome.ANSWERED))
    rules.expire_slots(bucket, policy, 3_600_000)
    assert rules.admit(bucket, policy, 3_600_000, priority=Priority.TODAY) > 0
    rules.expire_slots(bucket, policy, 3_600_600)
    assert rules.admit(bucket, policy, 3_600_600, priority=Priority.TODAY) == 0


def test_a_file_of_an_earlier_version_is_read_with_all_its_requests():
    text = b'{"limit":60,"flights":[[7,"p",5]],"done":[[1,2,1,3,40]],"seen":[40,1,2]}'
    bucket = msgspec.json.decode(text, type=BucketState)
    assert bucket.occupied == 4
    assert rules.used_slots(bucket) == 41
    assert msgspec.json.encode(bucket).startswith(text[:-1])


@pytest.mark.parametrize("waiting", Priority)
@pytest.mark.parametrize("priority", Priority)
def test_a_request_waits_for_those_that_are_more_urgent(waiting, priority):
    policy = Policy()
    bucket = BucketState(300)
    request = rules.open_request(bucket, 1_000, id_=1, holder="")
    rules.settle(bucket, policy, request, 1_100, Signal(RequestOutcome.ANSWERED, 300, 299))
    bucket.waiting["other"] = Waiter(waiting, 1_200)
    wait_ms = rules.admit(bucket, policy, 1_200, priority=priority)
    assert (wait_ms > 0) == (waiting < priority)
    # Nobody waits for a thread that has stopped asking.
    later = 1_200 + 5 * policy.poll_ms
    assert rules.admit(bucket, policy, later, priority=priority) == 0
