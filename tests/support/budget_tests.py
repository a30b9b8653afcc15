"""Tests of a shared budget that hold wherever it is stored; `store` says where."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from givenergy.account_identity import account_key, resolve_account
from givenergy.budget import (
    OwnLimit,
    Priority,
    RequestOutcome,
    SharedRequestBudget,
    Signal,
)
from givenergy.client import Client
from givenergy.endpoints.account_endpoints import COMMUNICATION_DEVICES
from givenergy.endpoints.inverter_endpoints import INVERTER_DATA_POINTS
from givenergy.errors import CancelledError, UnauthenticatedError
from simulator import TokenGrant
from tests.support import clock
from tests.support.timeouts import PATIENT, TIMEOUT_S

SPAWN = multiprocessing.get_context("spawn")
ANSWERED = Signal(RequestOutcome.ANSWERED)


def account_windows(sim):
    return next(v for k, v in sim.stats()["windows"].items() if k.startswith("account"))


def fetch_days(base_url, token, serial, path, first, count, fetched):
    budget = SharedRequestBudget(path, account="test", window_s=2.0, margin_s=0.1)
    client = Client(base_url=base_url, token=token, budget=budget, connections=4, timeouts=PATIENT)

    def one(number):
        day = f"2024-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}"
        client.fetch(INVERTER_DATA_POINTS, path={"inverter": serial, "date": day})
        with fetched.get_lock():
            fetched.value += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(first, first + count)))
    budget.close()


@pytest.mark.processes
def test_processes_and_threads_share_the_windows(simulate, store):
    sim = simulate(rate_limit=60)
    fetched = SPAWN.Value("i", 0)
    workers = [
        SPAWN.Process(
            target=fetch_days,
            args=(sim.base_url, sim.token, sim.serials[0], store, 100 * i, 45, fetched),
        )
        for i in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(TIMEOUT_S)
    assert fetched.value == 135
    assert sim.stats()["limited"] == 0
    # Scaled down thirtyfold the kept part has little time to be spent: full windows are measured
    # in real ones by benchmarks/budget/windows.py and in invented ones by test_rules.py.
    windows = [w["used"] for w in account_windows(sim)]
    assert sum(windows) == 135
    assert max(windows) <= 60


@pytest.mark.slow
@pytest.mark.processes
def test_killed_processes_give_everything_back_and_no_window_overflows(simulate, store):
    sim = simulate(rate_limit=60, latency_s=0.05)
    fetched = SPAWN.Value("i", 0)

    def start(first, count):
        worker = SPAWN.Process(
            target=fetch_days,
            args=(sim.base_url, sim.token, sim.serials[0], store, first, count, fetched),
        )
        worker.start()
        return worker

    for kill in range(3):
        victim = start(100 * kill, 1000)
        before, deadline = len(sim.requests), time.monotonic() + TIMEOUT_S
        while len(sim.requests) < before + 20:
            assert victim.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
    last = start(500, 80)
    last.join(TIMEOUT_S)
    assert last.exitcode == 0
    assert sim.stats()["limited"] == 0
    budget = SharedRequestBudget(store, account="test", window_s=2.0, margin_s=0.1)
    assert budget.snapshot().in_flight == 0
    budget.close()


def hold_lease(path, ready):
    budget = SharedRequestBudget(path, account="test")
    budget.lease("day", ttl_s=1000)
    ready.set()
    time.sleep(TIMEOUT_S)


@pytest.mark.processes
def test_a_lease_is_exclusive_and_of_a_dead_process_free(open_budget):
    budget = open_budget()
    with budget.lease("day") as lease:
        assert budget.lease("day") is None
        assert budget.lease("another day") is not None
        assert not lease.lost
    again = budget.lease("day")
    assert again is not None
    again.release()
    again.release()
    ready = SPAWN.Event()
    holder = SPAWN.Process(target=hold_lease, args=(budget.where, ready))
    holder.start()
    assert ready.wait(TIMEOUT_S)
    assert budget.lease("day") is None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert budget.lease("day") is not None


@pytest.mark.slow
def test_a_lease_is_renewed_while_held_and_runs_out_when_forgotten(open_budget):
    budget, other = open_budget(), open_budget()
    lease = budget.lease("day", ttl_s=20.0)
    time.sleep(21.0)
    assert not lease.lost
    assert other.lease("day") is None
    del lease
    deadline = time.monotonic() + TIMEOUT_S
    while other.lease("day") is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def spend(budget, count, *, used=None):
    for i in range(count):
        remaining = None if used is None else 300 - used - i
        budget.grant().settle(Signal(RequestOutcome.ANSWERED, 300, remaining))


def test_the_wall_clock_may_jump(open_budget, monkeypatch):
    budget = open_budget(window_s=30.0, limit=10)
    spend(budget, 4)
    real = time.time
    for jump in (-86_400 * 400, 86_400 * 400):
        monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
        spend(budget, 1)
    assert budget.snapshot().used_by_us == 6
    monkeypatch.undo()
    assert sum(minute.sent for minute in budget.snapshot().history) >= 1


def test_after_a_fork_the_child_opens_its_own(open_budget):
    budget = open_budget(window_s=60.0)
    spend(budget, 2)
    pid = os.fork()
    if pid == 0:
        try:
            spend(budget, 3)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    spend(budget, 1)
    assert budget.snapshot().used_by_us == 6


def test_own_limits_have_their_own_bucket_against_the_simulator(simulate, open_budget):
    """Notifications: 10 an hour (API documentation), the account's requests untouched."""
    import requests

    sim = simulate()
    budget = open_budget()
    hour = OwnLimit(10, 3600.0)
    body = {"title": "t", "body": "b", "platforms": ["persist"], "icon": "mdi-account"}
    statuses = []
    cancelled = threading.Event()
    for _ in range(10):
        grant = budget.grant(bucket="notification_send", own=hour, cancelled=cancelled)
        response = requests.post(
            f"{sim.base_url}/notification/send",
            json=body,
            headers={"Authorization": f"Bearer {sim.token}", "Accept": "application/json"},
            timeout=TIMEOUT_S,
        )
        statuses.append(response.status_code)
        grant.settle(ANSWERED)
    threading.Timer(1.0, cancelled.set).start()
    with pytest.raises(CancelledError):
        budget.grant(bucket="notification_send", own=hour, cancelled=cancelled)
    assert 429 not in statuses
    assert budget.snapshot().used_by_us == 0


def test_waiting_threads_and_today_first_are_seen(open_budget):
    budget = open_budget(window_s=60.0, limit=10, reserve=8)
    budget.grant().settle(ANSWERED)
    cancelled = threading.Event()

    def spend_until_cancelled(priority):
        while True:
            budget.grant(priority=priority, cancelled=cancelled).settle(ANSWERED)

    def wait(priority):
        with pytest.raises(CancelledError):
            spend_until_cancelled(priority)

    threads = [threading.Thread(target=wait, args=(p,)) for p in Priority]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + TIMEOUT_S
    while (snapshot := budget.snapshot()).waiting != dict.fromkeys(Priority, 1):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert snapshot.used_by_us == 2
    began = time.monotonic()
    cancelled.set()
    for thread in threads:
        thread.join(TIMEOUT_S)
    # By themselves they would have waited for a minute.
    assert time.monotonic() - began < 55
    assert budget.snapshot().waiting == dict.fromkeys(Priority, 0)


def test_the_picture_of_an_account(open_budget, store):
    budget = open_budget(window_s=60.0, reserve=20)
    budget.grant().settle(Signal(RequestOutcome.ANSWERED, 300, 289))
    budget.grant().settle(Signal(RequestOutcome.FAILED))
    snapshot = budget.snapshot()
    assert (snapshot.limit, snapshot.reserve, snapshot.window_s) == (300, 20, 60.0)
    assert (snapshot.used_by_us, snapshot.used_by_others) == (2, 10)
    assert snapshot.available == 300 - 20 - 2 - 10
    assert 30 < snapshot.window_resets_in_s < 61
    assert (snapshot.paused_for_s, snapshot.host_down_for_s) == (0, None)
    (minute,) = snapshot.history[-1:]
    assert (minute.sent, minute.failed, minute.rate_limited, minute.others) == (2, 1, 0, 10)
    # A server has the machine's clock, not the test's.
    with nullcontext() if isinstance(store, Path) else clock.at(None):
        assert abs((datetime.now(UTC) - minute.start).total_seconds()) < 120


def test_the_account_is_requested_once_per_token(simulate, store):
    sim = simulate(tokens=(TokenGrant("one"), TokenGrant("two"), TokenGrant("other", account=2)))

    def resolve(token):
        return resolve_account(
            base_url=sim.base_url,
            token=token,
            store=store,
            open_client=lambda budget: Client(base_url=sim.base_url, token=token, budget=budget),
        )

    identities = [resolve(token) for token in ("one", "two", "other", "one")]
    assert [r.path for r in sim.requests] == ["/v1/account"] * 3
    assert identities[0] == identities[3]
    assert identities[0].account_id == str(sim.account["id"])
    assert identities[0].timezone == "Europe/London"
    keys = [identity.budget_key for identity in identities]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0] == account_key(sim.base_url + "/", identities[0].account_id)
    # What the account was asked for has been spent from its budget.
    budget = SharedRequestBudget(store, account=keys[0])
    assert budget.snapshot().used_by_us == 2
    budget.close()
    for file in store.parent.iterdir() if isinstance(store, Path) else ():
        content = file.read_bytes()
        assert b'"one"' not in content
        assert b"Bearer" not in content


def test_without_the_account_scope_the_token_is_the_account(simulate, store):
    sim = simulate(tokens=(TokenGrant("t", scopes=frozenset({"api:inverter:list"})),))
    identity = resolve_account(
        base_url=sim.base_url,
        token="t",
        store=store,
        open_client=lambda budget: Client(base_url=sim.base_url, token="t", budget=budget),
    )
    assert (identity.account_id, identity.timezone) == ("", None)
    budget = SharedRequestBudget(store, account=identity.budget_key)
    client = Client(base_url=sim.base_url, token="t", budget=budget)
    assert client.fetch(COMMUNICATION_DEVICES).complete
    budget.close()


def test_a_wrong_token_is_reported_as_such(simulate, store):
    sim = simulate()
    with pytest.raises(UnauthenticatedError):
        resolve_account(
            base_url=sim.base_url,
            token="wrong",
            store=store,
            open_client=lambda budget: Client(base_url=sim.base_url, token="wrong", budget=budget),
        )


@pytest.mark.parametrize("wrong", [{"reserve": -1}, {"window_s": 0}, {"limit": 0}])
def test_impossible_settings_are_refused(store, wrong):
    with pytest.raises(ValueError, match="budget needs"):
        SharedRequestBudget(store, account="test", **wrong)
