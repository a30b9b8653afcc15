"""Groups of events that two processes store in PostgreSQL at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from pipelines.dagster_workarounds.postgres import KeptPostgresStorage
from tests.support.dagster_events import materialized_in


def test_groups_about_the_same_assets_in_opposite_orders_do_not_wait_for_each_other(database):
    """Dagster updates a row of the asset for each event: each group held a row the other needs."""
    storages = [KeptPostgresStorage(database) for _ in range(2)]
    both = threading.Barrier(2, timeout=60)

    def store(storage: KeptPostgresStorage, run_id: str, keys: str) -> None:
        events = storage.event_log_storage
        with events.one_transaction(run_id):
            events.store_event(materialized_in(run_id, "2025-06-01", keys[0]))
            both.wait()
            events.store_event(materialized_in(run_id, "2025-06-01", keys[1]))

    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(store, storage, run_id, keys)
            for storage, run_id, keys in zip(storages, ("one", "two"), ("ab", "ba"), strict=True)
        ]
        for run in runs:
            run.result()
    for storage in storages:
        events = storage.event_log_storage
        for key in map(dg.AssetKey, "ab"):
            assert events.get_materialized_partitions(key) == {"2025-06-01"}
            (record,) = events.get_asset_records([key])
            assert record.asset_entry.last_materialization is not None
        events.dispose()
