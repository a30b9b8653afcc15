"""Dagster's event log with connections that are kept: the same files as Dagster's own."""

from concurrent.futures import ThreadPoolExecutor

import dagster as dg
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.storage.event_log import SqliteEventLogStorage

from pipelines.dagster_workarounds.event_log import KeptSqliteEventLogStorage


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
            materialization = dg.AssetMaterialization("reading", partition=f"{number}-{partition}")
            event = DagsterEvent(
                dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                "job",
                event_specific_data=StepMaterializationData(materialization),
            )
            storage.store_event(
                dg.EventLogEntry(
                    error_info=None,
                    level=10,
                    user_message="",
                    run_id=f"run {number % 2}",
                    timestamp=float(partition),
                    job_name="job",
                    dagster_event=event,
                )
            )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store, range(4)))
    assert len(storage.get_materialized_partitions(dg.AssetKey("reading"))) == 80
    for run_id in ("run 0", "run 1"):
        assert len(storage.get_records_for_run(run_id).records) == 40
    storage.dispose()
