"""The shared store: processes, deaths, deleted, damaged and locked files, leases, the picture."""

import multiprocessing
import os
import shutil
import signal
import sqlite3
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from givenergy.account_identity import account_key, resolve_account
from givenergy.budget import (
    BudgetSnapshot,
    OwnLimit,
    Priority,
    RequestOutcome,
    SharedRequestBudget,
    Signal,
)
from givenergy.budget.process_identity import is_alive, own_identity
from givenergy.client import Client
from givenergy.endpoints.account_endpoints import COMMUNICATION_DEVICES
from givenergy.endpoints.inverter_endpoints import INVERTER_DATA_POINTS
from givenergy.errors import BudgetStoreError, CancelledError, UnauthenticatedError
from simulator import TokenGrant
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
def test_processes_and_threads_share_the_windows(simulate, tmp_path):
    sim = simulate(rate_limit=60)
    path, fetched = tmp_path / "budget.sqlite", SPAWN.Value("i", 0)
    workers = [
        SPAWN.Process(
            target=fetch_days,
            args=(sim.base_url, sim.token, sim.serials[0], path, 100 * i, 45, fetched),
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
def test_killed_processes_give_everything_back_and_no_window_overflows(simulate, tmp_path):
    sim = simulate(rate_limit=60, latency_s=0.05)
    path, fetched = tmp_path / "budget.sqlite", SPAWN.Value("i", 0)

    def start(first, count):
        worker = SPAWN.Process(
            target=fetch_days,
            args=(sim.base_url, sim.token, sim.serials[0], path, first, count, fetched),
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
    budget = SharedRequestBudget(path, account="test", window_s=2.0, margin_s=0.1)
    assert budget.snapshot().in_flight == 0
    budget.close()


@pytest.mark.slow
@pytest.mark.processes
def test_the_store_may_be_deleted_again_and_again_while_processes_work(simulate, tmp_path):
    """Found: side files of a deleted store that joined the next one (disk I/O error)."""
    sim = simulate(rate_limit=60, latency_s=0.02)
    path, fetched = tmp_path / "budget.sqlite", SPAWN.Value("i", 0)
    workers = [
        SPAWN.Process(
            target=fetch_days,
            args=(sim.base_url, sim.token, sim.serials[0], path, 100 * i, 40, fetched),
        )
        for i in range(2)
    ]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + TIMEOUT_S
    while len(sim.requests) < 10:
        assert workers[0].is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for _ in range(5):
        time.sleep(0.3)
        path.unlink(missing_ok=True)
    for worker in workers:
        worker.join(TIMEOUT_S)
    assert fetched.value == 80
    assert sim.stats()["limited"] == 0


@pytest.mark.processes
def test_a_dead_process_is_known_as_dead():
    assert is_alive(own_identity()) is True
    child = SPAWN.Process(target=time.sleep, args=(TIMEOUT_S,))
    child.start()
    pid, _, rest = own_identity().partition(":")
    _, _, namespace = rest.partition(":")
    assert is_alive(f"{child.pid}::{namespace}") is True
    assert is_alive(f"{pid}:1:{namespace}") is False, "a reused process id"
    os.kill(child.pid, signal.SIGKILL)
    deadline = time.monotonic() + TIMEOUT_S
    # Killed and not yet collected counts as dead.
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert is_alive(f"{child.pid}:12345:{namespace}") is False
    child.join()
    assert is_alive(f"{child.pid}::{namespace}") is False
    assert is_alive("1:2:another namespace") is None
    # The first namespace has the same number on every host: only the boot tells them apart.
    assert is_alive(f"{child.pid}:12345:{namespace.partition('@')[0]}@another boot") is None
    assert is_alive(f"{child.pid}:12345:{namespace.partition('@')[0]}") is False, (
        "of a version before"
    )
    assert is_alive(own_identity().partition("@")[0]) is True


def hold_lease(path, ready):
    budget = SharedRequestBudget(path, account="test")
    budget.lease("day", ttl_s=1000)
    ready.set()
    time.sleep(TIMEOUT_S)


@pytest.mark.processes
def test_a_lease_is_exclusive_and_of_a_dead_process_free(tmp_path, open_budget):
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


def test_after_a_deletion_nothing_is_granted_for_a_window_and_leases_are_kept(open_budget):
    first, second = open_budget(window_s=60.0), open_budget(window_s=60.0)
    spend(first, 40, used=1)
    in_flight = second.grant()
    lease = second.lease("day")
    shutil.rmtree(first.where.parent)
    snapshot = first.snapshot()
    assert first.where.exists()
    assert snapshot.used_by_us == 0
    assert 30 < snapshot.paused_for_s <= 60.25
    in_flight.settle(ANSWERED)
    assert first.snapshot().used_by_us == 1, "a request that the lost file granted"
    second.renew()
    assert first.lease("day") is None
    lease.release()


def test_a_deleted_store_is_replaced_and_a_whole_window_waited(open_budget):
    budget = open_budget(window_s=1.5)
    spend(budget, 5)
    budget.where.unlink()
    grant = budget.grant()
    assert grant.waited_s >= 1.4
    grant.settle(ANSWERED)


def test_a_newcomer_after_a_deletion_waits_as_well(open_budget):
    old = open_budget(window_s=60.0, limit=10)
    old.grant().settle(ANSWERED)
    old.where.unlink()
    new = open_budget(window_s=60.0, limit=10)
    # What the heartbeat does within the second in which a new file grants nothing.
    old.renew()
    cancelled = threading.Event()
    threading.Timer(2.0, cancelled.set).start()
    with pytest.raises(CancelledError):
        new.grant(cancelled=cancelled)
    assert 30 < new.snapshot().paused_for_s <= 60.25


def test_a_damaged_store_is_set_aside_and_a_whole_window_waited(open_budget, tmp_path):
    budget = open_budget(window_s=1.5)
    spend(budget, 5)
    budget.close()
    budget.where.write_bytes(b"no database" * 1000)
    for suffix in ("-wal", "-shm"):
        Path(f"{budget.where}{suffix}").unlink(missing_ok=True)
    again = open_budget(window_s=1.5)
    grant = again.grant()
    assert grant.waited_s >= 1.4
    grant.settle(ANSWERED)
    assert len(list(budget.where.parent.glob("*.damaged-*[0-9]"))) == 1


def test_a_locked_store_is_waited_for_and_can_be_cancelled(open_budget):
    budget = open_budget(window_s=60.0)
    spend(budget, 1)
    blocker = sqlite3.connect(budget.where, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN EXCLUSIVE")
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    with pytest.raises(CancelledError):
        budget.grant(cancelled=cancelled)
    threading.Timer(0.5, lambda: blocker.execute("COMMIT")).start()
    began = time.monotonic()
    budget.grant().settle(ANSWERED)
    assert 0.2 < time.monotonic() - began < 50
    assert budget.snapshot().used_by_us == 2
    blocker.close()


def test_a_store_that_stays_locked_is_an_error_with_a_sentence(open_budget, monkeypatch):
    from givenergy.budget import sqlite_store

    budget = open_budget()
    monkeypatch.setattr(sqlite_store, "LOCKED_PATIENCE_S", 0.2)
    blocker = sqlite3.connect(budget.where, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    with pytest.raises(BudgetStoreError, match=r"budget\.sqlite cannot be used.*keeps it locked"):
        budget.grant()
    blocker.close()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error_with_a_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(BudgetStoreError, match="writable"):
        SharedRequestBudget(tmp_path / "state" / "budget.sqlite", account="test")


def test_a_path_that_cannot_be_is_an_error_with_a_sentence(tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(BudgetStoreError, match="cannot be used"):
        SharedRequestBudget(tmp_path / "state" / "budget.sqlite", account="test")


def test_a_store_of_a_newer_version_is_left_alone(open_budget):
    budget = open_budget()
    with sqlite3.connect(budget.where) as connection:
        connection.execute("UPDATE meta SET value = '999' WHERE key = 'version'")
    with pytest.raises(BudgetStoreError, match="newer givlake"):
        open_budget()


def test_the_store_is_for_its_owner_only(open_budget):
    budget = open_budget()
    assert stat.S_IMODE(budget.where.stat().st_mode) == 0o600
    assert stat.S_IMODE(budget.where.parent.stat().st_mode) == 0o700


def test_after_a_reboot_everything_sent_counts_as_just_sent(open_budget, monkeypatch):
    from givenergy.budget import sqlite_store

    budget = open_budget(window_s=2.0, limit=10)
    for _ in range(9):
        budget.grant()
    budget.close()
    monkeypatch.setattr(sqlite_store, "boot_id", lambda: "another boot")
    rebooted = open_budget(window_s=2.0, limit=10)
    snapshot = rebooted.snapshot()
    assert (snapshot.used_by_us, snapshot.in_flight) == (9, 0)


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


def test_what_a_locked_store_could_not_take_is_recorded_later(open_budget, monkeypatch):
    from givenergy.budget import sqlite_store

    budget = open_budget(window_s=30.0)
    grant = budget.grant()
    monkeypatch.setattr(sqlite_store, "LOCKED_PATIENCE_S", 0.1)
    blocker = sqlite3.connect(budget.where, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    grant.settle(ANSWERED)
    blocker.execute("COMMIT")
    blocker.close()
    deadline = time.monotonic() + TIMEOUT_S
    while budget.snapshot().in_flight:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert budget.snapshot().used_by_us == 1


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


def test_the_picture_of_an_account(open_budget):
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
    assert abs((datetime.now(UTC) - minute.start).total_seconds()) < 120


def test_when_the_rest_will_be_done():
    snapshot = BudgetSnapshot(
        limit=300,
        window_s=60.0,
        reserve=0,
        used_by_us=200,
        used_by_others=0,
        others_expected=0,
        in_flight=0,
        waiting={},
        window_resets_in_s=30.0,
        paused_for_s=0.0,
        host_down_for_s=None,
        next_probe_in_s=None,
    )
    assert [snapshot.seconds_for(n) for n in (0, 100, 101, 400, 401)] == [0, 0, 30, 30, 90]


def test_the_account_is_requested_once_per_token(simulate, tmp_path):
    sim = simulate(tokens=(TokenGrant("one"), TokenGrant("two"), TokenGrant("other", account=2)))
    store = tmp_path / "state" / "budget.sqlite"

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
    for file in store.parent.iterdir():
        content = file.read_bytes()
        assert b'"one"' not in content
        assert b"Bearer" not in content


def test_without_the_account_scope_the_token_is_the_account(simulate, tmp_path):
    sim = simulate(tokens=(TokenGrant("t", scopes=frozenset({"api:inverter:list"})),))
    identity = resolve_account(
        base_url=sim.base_url,
        token="t",
        store=tmp_path / "budget.sqlite",
        open_client=lambda budget: Client(base_url=sim.base_url, token="t", budget=budget),
    )
    assert (identity.account_id, identity.timezone) == ("", None)
    budget = SharedRequestBudget(tmp_path / "budget.sqlite", account=identity.budget_key)
    client = Client(base_url=sim.base_url, token="t", budget=budget)
    assert client.fetch(COMMUNICATION_DEVICES).complete
    budget.close()


def test_a_wrong_token_is_reported_as_such(simulate, tmp_path):
    sim = simulate()
    with pytest.raises(UnauthenticatedError):
        resolve_account(
            base_url=sim.base_url,
            token="wrong",
            store=tmp_path / "budget.sqlite",
            open_client=lambda budget: Client(base_url=sim.base_url, token="wrong", budget=budget),
        )


@pytest.mark.parametrize("wrong", [{"reserve": -1}, {"window_s": 0}, {"limit": 0}])
def test_impossible_settings_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="budget needs"):
        SharedRequestBudget(tmp_path / "budget.sqlite", account="test", **wrong)
