"""Dagster assets of a dataset that is asked for as it stands now: its archive and its tables.

One multi-asset whose keys can be chosen apart. With the archive: ask and build. The tables alone:
build them anew from the archive, without a request. A run asks only for what is due, so that all of
them can stand in one job; what failed makes the run fail after everything else was done.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from assets.framework.contract.dataset import DeviceList, SnapshotDataset
from assets.framework.contract.devices import Device
from assets.framework.ingestion.due import due_devices
from assets.framework.ingestion.snapshot import SnapshotReport, refresh
from assets.framework.orchestration.asset_keys import archive_key, asset_specs, table_key
from assets.framework.orchestration.asset_metadata import newest_rows
from warehouse import Lake, rebuild, row_counts

_FAILURES_NAMED = 20


class SnapshotConfig(dg.Config):
    """What a run can be told from Dagster's launch pad.

    Attributes:
        devices: serial numbers or UUIDs to limit the run to; none means all.
        refetch: ask for all of history anew, and for what was not available.
        force: ask although it was asked a short time ago.
    """

    devices: list[str] = Field(default_factory=list)
    refetch: bool = False
    force: bool = True


def snapshot_asset(dataset: SnapshotDataset, deps: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Make the assets of a dataset.

    Args:
        dataset: a dataset asked for as it stands now.
        deps: assets that say which devices there are.
    """
    archive = archive_key(dataset)

    @dg.multi_asset(
        name=dataset.name,
        specs=asset_specs(dataset, deps),
        can_subset=True,
        required_resource_keys={"rate_limit", "givenergy", "reporter"},
    )
    def _asset(
        context: dg.AssetExecutionContext, config: SnapshotConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        chosen = context.selected_asset_keys
        api = context.resources.givenergy
        if archive not in chosen:
            with api.lake() as lake:
                rebuild(lake, dataset)
                yield from results(chosen, lake, dataset, SnapshotReport(dataset.name))
            return
        of_list = dataset if isinstance(dataset, DeviceList) else None
        with api.session(of_list, force=config.force) as (session, discovery):
            if of_list is not None:
                report = discovery.reports.get(dataset.name, SnapshotReport(dataset.name))
                _name_new(context, discovery.new)
            else:
                state = api.known_state(
                    session, discovery.choose(config.devices), refetch=config.refetch
                )
                only = None if config.force else due_devices(dataset, state)
                report = refresh(
                    session,
                    dataset,
                    state,
                    only=only,
                    progress=context.resources.reporter.snapshot_progress,
                )
            # Without a result Dagster would leave out whatever reads these tables.
            yield from results(chosen, session.lake, dataset, report)
            cancelled = session.cancelled.is_set()
            if not cancelled and report.has_worked:
                api.note_run(session.lake, context.run.tags)
        context.resources.reporter.snapshot_finished(report)
        if cancelled:
            raise KeyboardInterrupt
        if report.failures or report.stopped is not None:
            raise dg.Failure(_sentence(report), allow_retries=False)

    return _asset


def _name_new(context: dg.AssetExecutionContext, new: Sequence[Device]) -> None:
    for device in new:
        context.log.warning(
            f"{device.device_id} is new in this account: fetch its history with"
            f" `givlake backfill --device {device.device_id}`."
        )


def results(
    chosen: Collection[dg.AssetKey],
    lake: Lake,
    dataset: SnapshotDataset,
    report: SnapshotReport,
) -> Iterator[dg.MaterializeResult[None]]:
    """Give the result of each chosen asset."""
    asked: dict[str, Any] = {
        "requests": report.requests,
        "rows received": report.rows,
        "devices": len({answer.request.device_id for answer in report.answers} - {""}),
    }
    if report.unavailable:
        asked["not available"] = report.unavailable
    keys = [(archive_key(dataset), asked)]
    rows, newest = row_counts(lake, dataset), newest_rows(lake, dataset)
    for table in dataset.output_tables:
        figures = {**asked, "dagster/row_count": rows[table.name]}
        if report.built is not None:
            of_all = (
                "new rows" if len(dataset.output_tables) == 1 else "new rows in all of its tables"
            )
            figures[of_all] = report.built.rows("new")
            figures["rows set aside in quarantine"] = report.built.rows("quarantined")
        if table.name in newest:
            figures["preview"] = newest[table.name]
        keys.append((table_key(table), figures))
    for key, metadata in keys:
        if key in chosen:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)


def _sentence(report: SnapshotReport) -> str:
    """Say what is missing, a line for each request, the first twenty of them."""
    lines = [f"{len(report.failures)} requests for {report.dataset} failed."]
    if report.stopped is not None:
        lines.append(str(report.stopped))
    for answer in report.failures[:_FAILURES_NAMED]:
        what = " ".join(part for part in (answer.request.device_id, answer.request.label) if part)
        lines.append(f"{what}: {answer.message}" if what else answer.message)
    return "\n".join(lines)
