"""Dagster's event log with connections that are kept: the same files as Dagster's own."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from pipelines.dagster_workarounds.event_log import KeptSqliteEventLogStorage
from tests.support.dagster_events import materialized_in


@dg.asset
def reading() -> None:
    """Stand for any asset."""


def events_of(storage, run_ids):
    return {
        run_id: [record.event_log_entry.dagster_event_type for record in found]
        for run_id in run_ids
        if (found := storage.get_records_for_run(run_id).records)
    }


def test_dagsters_own_storage_reads_what_was_stored_and_the_other_way_round(owner_instance):
    instance, folder = owner_instance
    run_ids = [dg.materialize([reading], instance=instance).run_id for _ in range(7)]
    ours, own = KeptSqliteEventLogStorage(folder), SqliteEventLogStorage(folder)
    stored = events_of(ours, run_ids)
    assert len(stored) == 7
    materialized = dg.DagsterEventType.ASSET_MATERIALIZATION
    assert all(types.count(materialized) == 1 for types in stored.values())
    assert events_of(own, run_ids) == stored
    key = dg.AssetKey("reading")
    latest = own.get_latest_materialization_events([key])[key]
    assert latest is not None
    assert latest.run_id == run_ids[-1]
    ours.dispose()


def test_several_threads_store_events_of_several_runs(tmp_path):
    storage = KeptSqliteEventLogStorage(str(tmp_path))

    def store(number):
        for partition in range(20):
            storage.store_event(materialized_in(f"run {number % 2}", f"{number}-{partition}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store, range(4)))
    assert len(storage.get_materialized_partitions(dg.AssetKey("reading"))) == 80
    for run_id in ("run 0", "run 1"):
        assert len(storage.get_records_for_run(run_id).records) == 40
    storage.dispose()


def test_a_run_whose_database_cannot_be_copied_gets_one_of_its_own(tmp_path):
    """A folder in the place of the temporary file stands for a disk without hard links."""
    storage = KeptSqliteEventLogStorage(str(tmp_path))
    (tmp_path / f"second.{os.getpid()}").mkdir()
    for run_id in ("first", "second", "third"):
        storage.store_event(materialized_in(run_id, run_id))
    for run_id in ("first", "second", "third"):
        assert len(storage.get_records_for_run(run_id).records) == 1
    storage.dispose()


def test_events_in_one_transaction_are_stored_together_or_not_at_all(tmp_path):
    storage = KeptSqliteEventLogStorage(str(tmp_path))
    other = SqliteEventLogStorage(str(tmp_path))
    key = dg.AssetKey("reading")
    with storage.one_transaction("first"):
        for partition in ("a", "b"):
            storage.store_event(materialized_in("first", partition))
        assert other.get_materialized_partitions(key) == set()
    assert other.get_materialized_partitions(key) == {"a", "b"}
    with suppress(OSError), storage.one_transaction("second"):
        storage.store_event(materialized_in("second", "c"))
        raise OSError("a full disk")
    storage.store_event(materialized_in("second", "d"))
    assert other.get_materialized_partitions(key) == {"a", "b", "d"}
    assert len(other.get_records_for_run("second").records) == 1
    # The second database is a copy of the first as it was without events.
    assert len(other.get_records_for_run("first").records) == 2
    assert sorted(path.name for path in tmp_path.glob("*.db")) == [
        "first.db", "index.db", "second.db",
    ]  # fmt: skip
    assert not [path for path in tmp_path.iterdir() if ".db" not in path.name]
    storage.dispose()
