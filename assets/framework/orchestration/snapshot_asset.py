"""Dagster assets of a dataset that is requested in its present state: its archive and its tables.

A run without `refresh` requests only what is due, so that all datasets can stand in one job.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import dagster as dg

from assets.framework.contract.dataset import DeviceList, SnapshotDataset
from assets.framework.contract.devices import Device
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.ingestion.due import due_devices
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.session import Session
from assets.framework.ingestion.snapshot import SnapshotPlan
from assets.framework.orchestration.asset_keys import archive_key, asset_specs, table_key
from assets.framework.orchestration.asset_metadata import newest_rows
from assets.framework.orchestration.asset_run import RESOURCES, FetchConfig, Results, run_asset
from warehouse import Lake, row_counts


def snapshot_asset(dataset: SnapshotDataset, deps: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Make the assets of a dataset.

    Args:
        dataset: a dataset requested in its present state.
        deps: assets that say which devices there are.
    """

    @dg.multi_asset(
        name=dataset.name,
        specs=asset_specs(dataset, deps),
        can_subset=True,
        required_resource_keys=RESOURCES,
    )
    def _asset(context: dg.AssetExecutionContext, config: FetchConfig) -> Results:
        def fetch(session: Session, discovery: Any) -> IngestionReport:
            if isinstance(dataset, DeviceList):
                # Opening the session has requested it, if it is due.
                _name_new(context, discovery.new)
                report = discovery.reports.get(dataset.name)
                return IngestionReport(dataset.name) if report is None else report
            state = context.resources.givenergy.known_state(
                session, discovery.choose(config.devices), refetch=config.refetch
            )
            only = None if config.refresh else due_devices(dataset, state)
            return ingest(
                session,
                dataset,
                SnapshotPlan(dataset, state, only=only),
                progress=context.resources.reporter.progress,
            )

        show = partial(table_results, context.selected_asset_keys, dataset)
        yield from run_asset(context, dataset, config, fetch, show)

    return _asset


def table_results(
    chosen: Collection[dg.AssetKey], dataset: SnapshotDataset, lake: Lake, report: IngestionReport
) -> Results:
    """Yield the result of each chosen asset."""
    requested: dict[str, Any] = {
        "requests": report.total.requests,
        "rows received": report.total.rows,
        "devices": len({result.request.device_id for result in report.results} - {""}),
    }
    if report.unavailable:
        requested["not available"] = report.unavailable
    keys = [(archive_key(dataset), requested)]
    rows = row_counts(lake, DatasetDecoder(dataset))
    newest = newest_rows(lake, dataset)
    for table in dataset.output_tables:
        figures = {**requested, "dagster/row_count": rows[table.name]}
        if report.built:
            single = len(dataset.output_tables) == 1
            label = "new rows" if single else "new rows in all of its tables"
            figures[label] = report.built["new"]
            figures["rows quarantined"] = report.built["quarantined"]
        if table.name in newest:
            figures["preview"] = newest[table.name]
        keys.append((table_key(table), figures))
    for key, metadata in keys:
        if key in chosen:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)


def _name_new(context: dg.AssetExecutionContext, new: Sequence[Device]) -> None:
    for device in new:
        context.log.warning(
            f"{device.device_id} is new in this account: fetch its history with"
            f" `givlake backfill --device {device.device_id}`."
        )
