"""The shared store: processes, deaths, deleted, damaged and locked files, leases, the picture."""

import os
import shutil
import signal
import sqlite3
import stat
import threading
import time
from pathlib import Path

import pytest

from givenergy.budget import (
    BudgetSnapshot,
    SharedRequestBudget,
)
from givenergy.budget.process_identity import is_alive, own_identity
from givenergy.errors import BudgetStoreError, CancelledError
from tests.support.budget_tests import *  # noqa: F403 - the tests of any store
from tests.support.budget_tests import ANSWERED, SPAWN, fetch_days, spend
from tests.support.timeouts import TIMEOUT_S


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


def test_sqlites_names_of_read_only_and_moved_files_are_known(open_budget):
    budget = open_budget()
    budget._store._connection.close()
    budget._store._connection = sqlite3.connect(
        f"file:{budget.where}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    with pytest.raises(BudgetStoreError, match=r"readonly.*Make the file and its folder writ"):
        budget.grant()
    assert budget._store._repair("SQLITE_READONLY_DBMOVED")


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
