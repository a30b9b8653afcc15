"""The request budget in PostgreSQL: the tests of any store, and those of servers and machines."""

import multiprocessing
import os
import platform
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest

from givenergy.budget import (
    RequestOutcome,
    SharedRequestBudget,
    Signal,
    clock,
    postgres_session,
    postgres_store,
    postgres_transaction,
    process_identity,
)
from givenergy.budget.postgres_session import PostgresSession
from givenergy.budget.postgres_transaction import CLOCK
from givenergy.budget.postgres_url import PostgresUrl
from givenergy.client import Client
from givenergy.endpoints.inverter_endpoints import INVERTER_DATA_POINTS
from givenergy.errors import BudgetAwayError, BudgetStoreError, CancelledError, NoBudgetError
from pipelines.account_budget import forget_in_budget
from tests.support import clock as wall_clock
from tests.support.budget_tests import *  # noqa: F403 - the tests of any store
from tests.support.budget_tests import ANSWERED, hold_lease, spend
from tests.support.owner import Owner
from tests.support.settings import settings_of
from tests.support.timeouts import PATIENT, TIMEOUT_S

SPAWN = multiprocessing.get_context("spawn")
WINDOW = {"window_s": 2.0, "margin_s": 0.1}


def changed(store, statement, *values):
    connection = psycopg2.connect(store.dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        count = cursor.rowcount
    connection.close()
    return count


def opened_at_once(where, start, waited):
    start.wait(TIMEOUT_S)
    budget = SharedRequestBudget(where, account="test", **WINDOW)
    grant = budget.grant()
    grant.settle(ANSWERED)
    waited.put(grant.waited_s)
    budget.close()


@pytest.mark.processes
def test_the_tables_are_made_by_whoever_comes_first_and_a_window_is_waited(database):
    start, waited = SPAWN.Event(), SPAWN.Queue()
    where = PostgresUrl(database)
    workers = [SPAWN.Process(target=opened_at_once, args=(where, start, waited)) for _ in range(4)]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join(TIMEOUT_S)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert max(waited.get() for _ in workers) >= 1.0
    budget = SharedRequestBudget(where, account="test", **WINDOW)
    assert budget.snapshot().limit == 300
    budget.close()


def test_a_snapshot_creates_and_changes_nothing(database, store):
    empty = PostgresUrl(store.dsn.rpartition("/")[0] + "/postgres")
    with pytest.raises(NoBudgetError, match="no request budget"):
        SharedRequestBudget(empty, account="test", is_read_only=True)
    budget = SharedRequestBudget(store, account="test", is_read_only=True)
    assert budget.snapshot().used_by_us == 0
    with pytest.raises(BudgetStoreError, match="read-only"):
        budget.grant()
    budget.close()
    assert changed(store, "SELECT FROM givlake_budget.accounts") == 0


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_after_a_restart_of_the_server_a_window_is_waited_and_leases_are_kept(
    postgres, store, open_budget, how
):
    budget, other = open_budget(limit=10), open_budget(limit=10)
    spend(budget, 9)
    in_flight = other.grant()
    lease = other.lease("day")
    getattr(postgres, how)()
    postgres.start()
    snapshot = budget.snapshot()
    assert 0 < snapshot.paused_for_s <= 2.1
    # What is lost by the crash is no more than what was granted; all of it counts from now.
    assert snapshot.in_flight == 0
    other.renew()
    assert not lease.lost
    assert budget.lease("day") is None
    in_flight.settle(ANSWERED)
    began = time.monotonic()
    budget.grant().settle(ANSWERED)
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(
    "loss",
    [
        "DROP SCHEMA givlake_budget CASCADE",
        "DELETE FROM givlake_budget.accounts",
        "TRUNCATE givlake_budget.accounts, givlake_budget.server",
        "UPDATE givlake_budget.accounts SET version = version - 3",
    ],
)
def test_after_a_loss_a_window_is_waited(store, open_budget, loss):
    budget = open_budget(window_s=60.0)
    spend(budget, 5)
    changed(store, loss)
    if "TRUNCATE" in loss:
        changed(store, "INSERT INTO givlake_budget.server VALUES (1, 1, '', 0, 0)")
    budget.renew()
    assert 30 < budget.snapshot().paused_for_s <= 60.25
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    with pytest.raises(CancelledError):
        budget.grant(cancelled=cancelled)
    newcomer = open_budget(window_s=60.0)
    assert 30 < newcomer.snapshot().paused_for_s <= 60.25


def test_a_restored_backup_holds_newcomers_too(store, open_budget):
    """A dump restores rows of any age into tables of another number."""
    budget = open_budget(window_s=60.0)
    spend(budget, 5)
    budget.close()
    changed(store, "CREATE TABLE copy AS SELECT * FROM givlake_budget.accounts")
    changed(store, "TRUNCATE givlake_budget.accounts")
    changed(store, "INSERT INTO givlake_budget.accounts SELECT * FROM copy")
    newcomer = open_budget(window_s=60.0)
    snapshot = newcomer.snapshot()
    assert 30 < snapshot.paused_for_s <= 60.25
    assert snapshot.used_by_us == 5


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_server_clock_that_is_set_costs_a_window_and_no_more(store, open_budget, hours):
    budget = open_budget(window_s=60.0, limit=10)
    spend(budget, 9)
    changed(store, f"UPDATE givlake_budget.server SET hold_until_ms = {postgres_store.CLOCK}")
    seldom = open_budget(window_s=60.0, account="seldom")
    set_clock = f"(clock_timestamp() + make_interval(hours => {hours}))"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_READ", "_SERVER"):
            statement = getattr(postgres_store, name).replace("clock_timestamp()", set_clock)
            patch.setattr(postgres_store, name, statement)
        patch.setattr(postgres_transaction, "CLOCK", CLOCK.replace("clock_timestamp()", set_clock))
        budget.renew()
        assert 30 < budget.snapshot().paused_for_s <= 60.25
        began = time.monotonic()
        assert seldom.lease("day") is not None
        assert time.monotonic() - began < 30
        if hours < 0:
            newcomer = open_budget(window_s=60.0, limit=10)
            snapshot = newcomer.snapshot()
            assert snapshot.used_by_us == 9
            assert snapshot.paused_for_s <= 60.25


def test_one_lost_connection_costs_nothing(store, open_budget):
    budget = open_budget(window_s=60.0)
    spend(budget, 3)
    lease = budget.lease("day")
    for count in range(3):
        assert changed(
            store,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'givlake' AND datname = current_database()",
        )
        spend(budget, 1)
        snapshot = budget.snapshot()
        assert (snapshot.used_by_us, snapshot.in_flight) == (4 + count, 0)
        assert snapshot.paused_for_s == 0
    assert not lease.lost


def test_what_was_committed_unheard_is_done_once(store, open_budget, monkeypatch):
    """Neither a grant nor the end of a request is counted twice."""
    budget = open_budget(window_s=60.0)
    real, deaf = PostgresSession.in_transaction, [True]

    def in_transaction(self, work, *waits, before):
        def unheard(connection):
            result = work(connection)
            if deaf:
                deaf.clear()
                raise psycopg2.OperationalError("server closed the connection unexpectedly")
            return result

        return real(self, unheard, *waits, before=before)

    monkeypatch.setattr(PostgresSession, "in_transaction", in_transaction)
    grant = budget.grant()
    assert not deaf
    deaf.append(True)
    grant.settle(ANSWERED)
    assert not deaf
    snapshot = budget.snapshot()
    assert (snapshot.used_by_us, snapshot.in_flight) == (1, 0)
    assert [minute.sent for minute in snapshot.history] == [1]


def test_a_machine_whose_clock_is_ahead_does_not_delete_the_history(store, open_budget):
    budget = open_budget(window_s=60.0)
    values = f"'test', {postgres_store.CLOCK} / 60000 - 60, 7, 0, 0, 0"
    changed(store, f"INSERT INTO givlake_budget.minutes SELECT {values}")
    for ahead in (datetime.now(UTC) + timedelta(days=14), datetime.now(UTC)):
        with wall_clock.at(ahead.isoformat()):
            spend(budget, 1)
    assert sum(minute.sent for minute in budget.snapshot().history) == 9


def test_a_server_that_is_away_is_waited_for(postgres, store, open_budget, caplog, monkeypatch):
    monkeypatch.setattr(postgres_session, "AWAY_PATIENCE_S", TIMEOUT_S)
    budget = open_budget(window_s=2.0)
    spend(budget, 1)
    postgres.stop()
    try:
        cancelled = threading.Event()
        threading.Timer(3.0, cancelled.set).start()
        with pytest.raises(CancelledError):
            budget.grant(cancelled=cancelled)
        assert caplog.text.count("waiting for up to") == 1
        with pytest.raises(BudgetAwayError, match=r"cannot be reached.*Connection refused"):
            SharedRequestBudget(store, account="test", is_read_only=True)
        pool = ThreadPoolExecutor(1)
        granted = pool.submit(budget.grant)
    finally:
        postgres.start()
    granted.result(TIMEOUT_S).settle(ANSWERED)
    pool.shutdown()


@pytest.mark.slow
def test_who_is_cancelled_does_not_wait_for_a_server_that_is_away(postgres, store):
    """Neither to take back that it waits, nor to release a lease or to end a request."""
    budget = SharedRequestBudget(store, account="test", limit=1, window_s=60.0)
    cancelled, ended = threading.Event(), []

    def wait_for_a_grant():
        try:
            budget.grant(cancelled=cancelled)
        except CancelledError as error:
            ended.append(error)

    grant, lease = budget.grant(cancelled=cancelled), budget.lease("day")
    waiting = threading.Thread(target=wait_for_a_grant)
    waiting.start()
    while not budget.snapshot().waiting:
        time.sleep(0.05)
    postgres.stop()
    try:
        settling = threading.Thread(target=grant.settle, args=(ANSWERED,))
        settling.start()
        time.sleep(1.0)
        began = time.monotonic()
        cancelled.set()
        for thread in (waiting, settling):
            thread.join(postgres_session.AWAY_PATIENCE_S)
        lease.release()
        budget.close()
        assert time.monotonic() - began < postgres_session.AWAY_PATIENCE_S / 2
    finally:
        postgres.start()
    assert len(ended) == 1
    assert budget._unsettled == [(grant, ANSWERED)]


def test_a_server_that_stays_away_is_an_error_with_a_sentence(postgres, store, monkeypatch):
    monkeypatch.setattr(postgres_session, "AWAY_PATIENCE_S", 0.5)
    where = PostgresUrl("postgresql://me:secret@127.0.0.1:1/db?password=hidden")
    with pytest.raises(BudgetAwayError, match="Start PostgreSQL") as caught:
        SharedRequestBudget(where, account="test")
    assert "me@127.0.0.1:1/db cannot be reached" in str(caught.value)
    for text in (str(caught.value), repr(where), str(where)):
        assert "secret" not in text
        assert "hidden" not in text


def test_what_the_server_refuses_is_said_at_once(postgres, store):
    missing = PostgresUrl(postgres.url("nowhere"))
    with pytest.raises(BudgetStoreError, match=r'"nowhere" does not exist.*GIVLAKE_BUDGET_URL'):
        SharedRequestBudget(missing, account="test")
    changed(store, "DROP SCHEMA givlake_budget CASCADE")
    user = f"user{os.getpid()}"
    changed(store, f"CREATE ROLE {user} LOGIN")
    poor = PostgresUrl(store.dsn.replace("//postgres@", f"//{user}@"))
    with pytest.raises(BudgetStoreError, match=r"permission denied.*AUTHORIZATION"):
        SharedRequestBudget(poor, account="test")
    changed(store, f"CREATE SCHEMA givlake_budget AUTHORIZATION {user}")
    SharedRequestBudget(poor, account="test").close()
    for wrong in ("mysql://me:secret@host/db", "me:secret@host"):
        with pytest.raises(ValueError, match="postgresql://user:password@host") as caught:
            PostgresUrl(wrong)
        assert "secret" not in str(caught.value)
    with pytest.raises(BudgetStoreError, match="not valid") as caught:
        SharedRequestBudget(PostgresUrl("postgresql://me:se%cret@h/db"), account="test")
    assert "cret" not in str(caught.value)


def test_doctor_ends_with_the_status_of_other_commands_if_the_server_refuses(
    postgres, simulate, tmp_path
):
    sim = simulate(inverters=1)
    settings = {
        "GIVENERGY_API_URL": sim.base_url,
        "GIVLAKE_ENV_FILE": "",
        "GIVLAKE_BUDGET_URL": postgres.url("nowhere"),
    }
    done = Owner(tmp_path, settings, token=sim.token).givlake("doctor")
    assert done.status == 2, done.output
    assert 'database "nowhere" does not exist' in done.out


@pytest.mark.parametrize(
    ("end", "reason"), [(":99999/db", "port number"), (":1/db?sslmode=sometimes", "sslmode")]
)
def test_an_address_that_can_never_be_reached_is_not_waited_for(postgres, end, reason):
    with pytest.raises(BudgetStoreError, match=reason) as caught:
        SharedRequestBudget(PostgresUrl(f"postgresql://me@127.0.0.1{end}"), account="test")
    assert not isinstance(caught.value, BudgetAwayError)


def test_a_standby_is_waited_for_until_it_is_the_primary(store, open_budget):
    budget = open_budget(window_s=60.0)
    name = store.dsn.rpartition("/")[2]
    admin = PostgresUrl(store.dsn.replace(f"/{name}", "/postgres"))
    changed(admin, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    changed(
        admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name
    )
    reset = f"ALTER DATABASE {name} RESET default_transaction_read_only"
    promoted = threading.Timer(1.5, changed, (admin, reset))
    promoted.start()
    began = time.monotonic()
    budget.grant().settle(ANSWERED)
    assert time.monotonic() - began > 1.0
    promoted.join()


def test_tables_of_a_newer_version_are_left_alone(store, open_budget):
    changed(store, "UPDATE givlake_budget.server SET version = 999")
    with pytest.raises(BudgetStoreError, match="newer givlake"):
        open_budget()


def test_an_account_is_forgotten_with_what_names_its_devices(store, open_budget):
    budget = open_budget(account="gone")
    spend(budget, 1)
    budget.remember_identity("hash", "7", None)
    budget.remember_identity("another", "8", None)
    budget.lease("dataset/SERIAL_1/2025-06-01", 1000.0)
    budget.lease("dataset/SERIALX1/2025-06-01", 1000.0)
    budget.forget_leases(["SERIAL_1"])
    assert changed(store, "SELECT FROM givlake_budget.leases") == 1
    budget.forget(lambda token_hash, account_id: account_id == "7")
    assert changed(store, "SELECT FROM givlake_budget.leases") == 0
    assert changed(store, "SELECT FROM givlake_budget.accounts WHERE account = 'gone'") == 0
    assert budget.identity("hash") is None
    assert budget.identity("another") == ("8", None)


def test_an_account_is_forgotten_in_the_file_that_was_used_before_too(store, tmp_path):
    settings = settings_of({"GIVLAKE_DATA": str(tmp_path), "GIVLAKE_BUDGET_URL": store.url})
    file = tmp_path / "state" / "budget.sqlite"
    for where in (file, store):
        budget = SharedRequestBudget(where, account="gone")
        budget.move_requests_to("other")
        budget.close()
    forget_in_budget(settings, [], ["gone"])
    assert changed(store, "SELECT FROM givlake_budget.accounts WHERE account = 'other'") == 1
    assert changed(store, "SELECT FROM givlake_budget.accounts WHERE account = 'gone'") == 0
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT account FROM accounts").fetchall() == [("other",)]


def on_another_host(boot, work, *arguments):
    """Run in a process that no process of another boot can look up."""
    process_identity.boot_id = clock.boot_id = lambda: boot
    work(*arguments)


def test_two_machines_whose_boots_have_one_name_do_not_judge_each_other(
    store, open_budget, monkeypatch
):
    """As two Macs that were started in the same quarter of an hour."""
    no_process = 2**22 + 1
    place = process_identity.own_identity().split(":", 2)[2]
    mac = open_budget()
    mac._store._process = (os.getpid(), f"{no_process}::{place}")
    assert mac.lease("day") is not None
    assert open_budget().lease("day") is None
    monkeypatch.setattr(os, "readlink", lambda path: Path(path, "absent").read_text())
    assert f":{platform.node()}@" in process_identity.own_identity()


def fetch_until_killed(base_url, token, serial, where, count, fetched):
    budget = SharedRequestBudget(where, account="test", window_s=20.0)
    client = Client(base_url=base_url, token=token, budget=budget, connections=4, timeouts=PATIENT)

    def one(number):
        day = f"2024-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}"
        client.fetch(INVERTER_DATA_POINTS, path={"inverter": serial, "date": day})
        with fetched.get_lock():
            fetched.value += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(count)))
    budget.close()


def hold_request_and_lease(where, ready):
    budget = SharedRequestBudget(where, account="test", limit=1, **WINDOW)
    budget.grant()
    hold_lease(where, ready)


@pytest.mark.slow
@pytest.mark.processes
def test_a_dead_host_gives_its_slots_and_leases_back_within_a_minute(store, open_budget):
    budget, ready = open_budget(limit=1), SPAWN.Event()
    arguments = ("another boot", hold_request_and_lease, store, ready)
    host = SPAWN.Process(target=on_another_host, args=arguments)
    host.start()
    assert ready.wait(TIMEOUT_S)
    time.sleep(4.0)
    assert budget.lease("day") is None
    os.kill(host.pid, signal.SIGKILL)
    host.join()
    assert budget.lease("day") is None, "nobody here can see that it is dead"
    began = time.monotonic()
    grant = budget.grant()
    waited_s = time.monotonic() - began
    assert 5 < waited_s < 60
    grant.settle(ANSWERED)
    assert budget.lease("day") is not None


def send_when_granted(where, asked, sent):
    budget = SharedRequestBudget(where, account="test", limit=1, **WINDOW)
    real = PostgresSession.in_transaction

    def in_transaction(self, work, *waits, before):
        result = real(self, work, *waits, before=before)
        if not asked.is_set():
            asked.set()
            time.sleep(0.5)  # paused here by the test, between the grant and its use
        return result

    PostgresSession.in_transaction = in_transaction
    grant = budget.grant()
    sent.put(grant.waited_s)
    grant.settle(ANSWERED)
    budget.close()


@pytest.mark.slow
@pytest.mark.processes
def test_a_process_that_was_paused_does_not_send_with_a_slot_that_was_given_away(
    store, open_budget
):
    budget = open_budget(limit=1)
    asked, sent = SPAWN.Event(), SPAWN.Queue()
    arguments = ("another boot", send_when_granted, store, asked, sent)
    host = SPAWN.Process(target=on_another_host, args=arguments)
    host.start()
    assert asked.wait(TIMEOUT_S)
    os.kill(host.pid, signal.SIGSTOP)
    grant = budget.grant()
    os.kill(host.pid, signal.SIGCONT)
    time.sleep(1.5)
    assert sent.empty(), "the slot is not its own any more"
    grant.settle(Signal(RequestOutcome.ANSWERED))
    assert sent.get(timeout=TIMEOUT_S) > 1.0
    host.join(TIMEOUT_S)
    assert host.exitcode == 0


@pytest.mark.slow
@pytest.mark.processes
def test_two_hosts_share_the_windows_though_a_process_of_each_is_killed(simulate, store):
    sim = simulate(rate_limit=60, latency_s=0.02, rate_window_s=20.0)
    fetched = SPAWN.Value("i", 0)

    def start(boot, count):
        work = (fetch_until_killed, sim.base_url, sim.token, sim.serials[0], store, count, fetched)
        worker = SPAWN.Process(target=on_another_host, args=(boot, *work))
        worker.start()
        return worker

    victims = [start(boot, 1000) for boot in ("one", "two")]
    deadline = time.monotonic() + TIMEOUT_S
    while fetched.value < 40:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for victim in victims:
        os.kill(victim.pid, signal.SIGKILL)
    workers = [start(boot, 40) for boot in ("one", "two")]
    for worker in workers:
        worker.join(TIMEOUT_S)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sim.stats()["limited"] == 0
