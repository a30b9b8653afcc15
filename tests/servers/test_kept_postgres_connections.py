"""Dagster's storage in PostgreSQL with kept connections: the same rows as Dagster's own."""

import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import dagster as dg
import pytest

from tests.support.dagster_events import materialized_in
from tests.support.postgres_home import execute, query
from tests.support.postgres_server import PostgresServer
from tests.support.timeouts import TIMEOUT_S

pytest.importorskip("dagster_postgres")

from dagster_postgres.event_log import PostgresEventLogStorage

from pipelines.dagster_workarounds.postgres import (
    KeptPostgresEventLogStorage,
    KeptPostgresStorage,
    with_driver,
)
from pipelines.database_errors import DagsterDatabaseError

KEY = dg.AssetKey("reading")


@pytest.fixture
def events(database: str) -> KeptPostgresEventLogStorage:
    storage = KeptPostgresStorage(database).event_log_storage
    assert isinstance(storage, KeptPostgresEventLogStorage)
    return storage


def backends(database: str) -> set[int]:
    """Return the server processes of a database, but this one's."""
    found = query(
        database,
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    return {pid for (pid,) in found}


def test_dagsters_own_storage_reads_what_was_stored_and_the_other_way_round(events, database):
    own = PostgresEventLogStorage(with_driver(database))
    events.store_event(materialized_in("first", "a"))
    own.store_event(materialized_in("second", "b"))
    for storage in (events, own):
        assert storage.get_materialized_partitions(KEY) == {"a", "b"}
        latest = storage.get_latest_materialization_events([KEY])[KEY]
        assert latest is not None
        assert latest.run_id == "second"


def test_events_in_one_transaction_are_stored_together_or_not_at_all(events, database):
    own = PostgresEventLogStorage(with_driver(database))
    with events.one_transaction("first"):
        for partition in ("a", "b"):
            events.store_event(materialized_in("first", partition))
        assert own.get_materialized_partitions(KEY) == set()
    assert own.get_materialized_partitions(KEY) == {"a", "b"}
    with suppress(OSError), events.one_transaction("second"):
        events.store_event(materialized_in("second", "c"))
        raise OSError("any error")
    events.store_event(materialized_in("second", "d"))
    assert own.get_materialized_partitions(KEY) == {"a", "b", "d"}


def test_a_process_keeps_its_connections_and_threads_share_them(events, database):
    events.store_event(materialized_in("run", "first"))
    before = backends(database)
    for partition in range(20):
        events.store_event(materialized_in("run", f"one-{partition}"))
    assert backends(database) == before

    def store(number: int) -> None:
        for partition in range(10):
            events.store_event(materialized_in(f"run {number}", f"{number}-{partition}"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(store, range(6)))
    assert len(events.get_materialized_partitions(KEY)) == 81
    assert len(backends(database)) <= 2
    events.dispose()


def test_a_restarted_server_is_connected_again(events, database, postgres: PostgresServer):
    events.store_event(materialized_in("run", "before"))
    postgres.kill()
    later = threading.Timer(1.0, postgres.start)
    later.start()
    # It waits, as a run does, which would otherwise lose its events.
    events.store_event(materialized_in("run", "after"))
    later.join()
    assert events.get_materialized_partitions(KEY) == {"before", "after"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_opens_connections_of_its_own(events, database):
    events.store_event(materialized_in("run", "before"))
    parents = backends(database)
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException):
            events.store_event(materialized_in("run", "child"))
            status = 0
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    events.store_event(materialized_in("run", "parent"))
    assert parents <= backends(database)
    assert events.get_materialized_partitions(KEY) == {"before", "child", "parent"}


def test_who_watches_a_run_hears_of_its_events(events: KeptPostgresEventLogStorage):
    heard: list[str] = []
    was_heard = threading.Event()

    def hear(event: dg.EventLogEntry, cursor: str) -> None:
        heard.append(str(event.dagster_event.partition) if event.dagster_event else "")
        if len(heard) == 2:
            was_heard.set()

    callback: Callable[[dg.EventLogEntry, str], None] = hear
    events.watch("run", None, callback)
    with events.one_transaction("run"):
        events.store_event(materialized_in("run", "a"))
        events.store_event(materialized_in("run", "b"))
    assert was_heard.wait(TIMEOUT_S)
    assert sorted(heard) == ["a", "b"]
    events.end_watch("run", callback)
    events.dispose()


def test_a_user_without_rights_is_told_what_to_grant(postgres, database):
    user = f"user{uuid.uuid4().hex}"
    execute(database, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    execute(database, f"CREATE ROLE {user} LOGIN")
    with pytest.raises(DagsterDatabaseError, match="GRANT CREATE, USAGE ON SCHEMA public"):
        KeptPostgresStorage(database.replace("//postgres@", f"//{user}@"))
    execute(database, f"GRANT CREATE, USAGE ON SCHEMA public TO {user}")
    KeptPostgresStorage(database.replace("//postgres@", f"//{user}@")).event_log_storage.dispose()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgres://u:p%40s@h/d", "postgresql+psycopg2://u:p%40s@h/d"),
        ("postgresql://h:5433/d?sslmode=require", "postgresql+psycopg2://h:5433/d?sslmode=require"),
        ("postgresql+psycopg2://h/d", "postgresql+psycopg2://h/d"),
    ],
)
def test_the_driver_is_the_one_that_is_installed(given, meant):
    assert with_driver(given) == meant
