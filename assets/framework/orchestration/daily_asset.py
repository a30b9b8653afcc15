"""Dagster assets of a dataset that is requested by day: its archive and its table.

What is fetched follows from the states in the archive; Dagster's partitions only show it. Each day
that is complete gets its materialization as soon as it is built. A run has no outputs, as Dagster
would take them for one more materialization of every day.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import of_kinds
from assets.framework.ingestion.daily import DailyPlan
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.session import Session
from assets.framework.orchestration.asset_keys import archive_key, asset_specs, table_key
from assets.framework.orchestration.asset_metadata import day_metadata
from assets.framework.orchestration.asset_run import RESOURCES, FetchConfig, Results, run_asset
from warehouse import Lake


def daily_asset(
    dataset: DailyDataset, partitions: dg.PartitionsDefinition, deps: Sequence[dg.AssetKey]
) -> dg.AssetsDefinition:
    """Make the two assets of a dataset.

    Args:
        dataset: a dataset requested by day.
        partitions: days, as requested.
        deps: assets that say which devices there are.
    """
    archive, table = archive_key(dataset), table_key(dataset.main)

    @dg.multi_asset(
        name=dataset.name,
        specs=asset_specs(dataset, deps),
        partitions_def=partitions,
        # One run for a range, not one for each month: `dagster asset materialize
        # --partition-range` takes nothing else, and the newest days come first over all of it.
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
        required_resource_keys=RESOURCES,
    )
    def _asset(context: dg.AssetExecutionContext, config: FetchConfig) -> Results:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        chosen = [key for key in (archive, table) if key in context.selected_asset_keys]
        shown: set[date] = set()

        def show_days(lake: Lake, report: IngestionReport, done: Iterable[date]) -> None:
            good = sorted(set(done) & set(days) - shown - report.incomplete_days)
            shown.update(good)
            metadata = day_metadata(lake, dataset, report, good)
            for key in chosen:
                for day in good:
                    context.log_event(
                        dg.AssetMaterialization(
                            key, partition=day.isoformat(), metadata=metadata[day]
                        )
                    )

        def show(lake: Lake, report: IngestionReport) -> Results:
            if not report.cancelled and report.stopped is None:
                show_days(lake, report, days)
            yield from ()

        def fetch(session: Session, discovery: Any) -> IngestionReport:
            devices = of_kinds(discovery.choose(config.devices), dataset.device_kinds)
            return ingest(
                session,
                dataset,
                DailyPlan(
                    session,
                    dataset,
                    devices,
                    min(days),
                    max(days),
                    refetch=config.refetch,
                    refresh=config.refresh,
                ),
                with_tables=table in chosen,
                progress=context.resources.reporter.progress,
                settle=partial(show_days, session.lake),
            )

        yield from run_asset(context, dataset, config, fetch, show)

    return _asset
