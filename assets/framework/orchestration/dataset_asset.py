"""Dagster assets of a dataset: its archive and its tables, in one multi-asset that can be subset.

If the archive is selected, a run fetches and builds. If only tables are selected, it rebuilds them
from the archive without a request. A run does all it can before it fails with what is missing.

The states in the archive decide what is fetched; Dagster's partitions only show it. Of a dataset
requested by day, each complete day is materialized as soon as it is built. The assets have no
outputs, because Dagster would record them as another materialization of every day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import dagster as dg
from pydantic import Field

from assets.framework.contract.dataset import DailyDataset, Dataset, DeviceList, SnapshotDataset
from assets.framework.contract.devices import Device, of_kinds
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.ingestion.daily import DailyPlan
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.planner import due_devices
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.request_plan import RequestPlan
from assets.framework.ingestion.session import Session
from assets.framework.ingestion.snapshot import SnapshotPlan
from assets.framework.orchestration.asset_keys import AssetKeys, asset_specs
from assets.framework.orchestration.asset_metadata import day_metadata, table_metadata
from givenergy.server_clock import corrected
from warehouse.lake import Lake
from warehouse.tables.build import rebuild

_FAILURES_NAMED = 20
# With which Dagster marks a run that re-executes another one from failure.
_RESUME_TAG = "dagster/is_resume_retry"


class FetchConfig(dg.Config):
    """The configuration of a run, as in Dagster's launch pad.

    Attributes:
        devices: Serial numbers or UUIDs to limit the run to; none means all.
        refetch: Fetch again what is already complete, and what was unavailable.
        refresh: Fetch again what may have changed: days that were not over when they were last
            fetched; what is requested in its present state, although that was a short time ago.
    """

    devices: list[str] = Field(default_factory=list)
    refetch: bool = False
    refresh: bool = True
    retry_refused: bool = False


def dataset_asset(
    keys: AssetKeys,
    dataset: DailyDataset | SnapshotDataset,
    deps: Sequence[dg.AssetKey],
    types: Mapping[str, Mapping[str, str]],
    partitions: dg.PartitionsDefinition | None = None,
) -> dg.AssetsDefinition:
    """Return the assets of a dataset.

    Args:
        keys: The keys of the account's assets.
        dataset: Any dataset.
        deps: Assets of the device lists.
        types: DuckDB's types of the columns of each table.
        partitions: Requested days, if the dataset is requested by day.
    """

    @dg.multi_asset(
        name=dataset.name,
        specs=asset_specs(keys, dataset, deps, types),
        partitions_def=partitions,
        # One run for a range, not one for each month: `dagster asset materialize
        # --partition-range` takes nothing else, and the newest days come first over all of it.
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
        can_subset=True,
        required_resource_keys={"rate_limit", "givenergy", "reporter"},
    )
    def _asset(
        context: dg.AssetExecutionContext, config: FetchConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        with context.resources.givenergy.running(context):
            yield from _AssetRun(context, keys, dataset, config).run()

    return _asset


class _AssetRun:
    """One run of the selected assets of a dataset."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        keys: AssetKeys,
        dataset: DailyDataset | SnapshotDataset,
        config: FetchConfig,
    ) -> None:
        self._context = context
        self._keys = keys
        self._dataset = dataset
        self._config = config
        self._chosen = context.selected_asset_keys
        by_day = isinstance(dataset, DailyDataset)
        self._days = [date.fromisoformat(k) for k in context.partition_keys] if by_day else []
        self._shown: set[date] = set()
        self._reporter = context.resources.reporter

    def run(self) -> Iterator[dg.MaterializeResult[None]]:
        """Fetch and build, or only build, and report the result.

        Raises:
            Failure: If data is missing at the end.
            KeyboardInterrupt: If the run was interrupted.
        """
        api, dataset = self._context.resources.givenergy, self._dataset
        if self._keys.archive(dataset) not in self._chosen:
            with api.lake() as lake:
                report = IngestionReport(dataset.name)
                report.add_build(rebuild(lake, DatasetDecoder(dataset)))
                yield from self._show(lake, report)
            return
        device_list = dataset if isinstance(dataset, DeviceList) else None
        with api.session(device_list, force=self._config.refresh, tell=self._tell) as (
            session,
            discovery,
        ):
            if (problem := api.problem_of(session.lake, dataset)) is not None:
                self._context.log.warning(problem)
            if device_list is None:
                report = self._ingest(session, discovery)
            else:
                # Opening the session has requested it, if it is due.
                report = discovery.reports.get(dataset.name) or IngestionReport(dataset.name)
                self._warn_new_devices(discovery.new)
            report.cancelled = session.cancelled.is_set()
            # Without a result Dagster would leave out whatever reads these tables.
            yield from self._show(session.lake, report)
            if not report.cancelled and report.has_worked:
                api.note_run(session.lake, self._context.run.tags)
        self._reporter.finished(report)
        if report.cancelled:
            raise KeyboardInterrupt
        if not report.is_complete:
            raise dg.Failure(failure_sentences(report), allow_retries=False)

    def _ingest(self, session: Session, discovery: Any) -> IngestionReport:
        dataset, config = self._dataset, self._config
        devices = discovery.choose(config.devices)
        began_at = self._resumed_since()
        plan: RequestPlan
        if isinstance(dataset, DailyDataset):
            plan = DailyPlan(
                session,
                dataset,
                of_kinds(devices, dataset.device_kinds),
                min(self._days),
                max(self._days),
                refetch=config.refetch,
                refresh=config.refresh,
                retry_refused=config.retry_refused,
                answered_before=began_at,
            )
        else:
            api = self._context.resources.givenergy
            refetch = config.refetch and began_at is None
            state = api.known_state(
                session, devices, refetch=refetch, retry_refused=config.retry_refused
            )
            is_all = config.refresh and began_at is None
            only = None if is_all else due_devices(dataset, state)
            plan = SnapshotPlan(dataset, state, only=only)
        kinds = dataset.device_kinds
        all_devices = of_kinds(discovery.devices, kinds)
        plan.is_limited = len(of_kinds(devices, kinds)) < len(all_devices)
        return ingest(
            session,
            dataset,
            plan,
            # Other datasets read from tables that are not by day what to request.
            with_tables=not self._days or self._keys.table(dataset.main) in self._chosen,
            progress=self._reporter.progress,
            settle=partial(self._show_days, session.lake),
        )

    def _tell(self, sentence: str) -> None:
        self._context.log.warning(sentence)
        self._reporter.tell(sentence)

    def _resumed_since(self) -> datetime | None:
        """Return when the run began that this one resumes from failure, UTC; None if it is new.

        What that run has fetched is not requested again, whatever its configuration says.
        """
        run = self._context.run
        if _RESUME_TAG not in run.tags or run.root_run_id is None:
            return None
        record = self._context.instance.get_run_record_by_id(run.root_run_id)
        if record is None:
            return None
        return corrected(datetime.fromtimestamp(record.create_timestamp.timestamp(), UTC))

    def _show(self, lake: Lake, report: IngestionReport) -> Iterator[dg.MaterializeResult[None]]:
        """Report the content of the tables to Dagster."""
        if not self._days:
            yield from table_results(self._keys, self._chosen, self._dataset, lake, report)
        elif not report.cancelled and report.stopped is None:
            self._show_days(lake, report, self._days)

    def _show_days(self, lake: Lake, report: IngestionReport, done: Iterable[date]) -> None:
        complete_days = sorted(set(done) & set(self._days) - self._shown - report.incomplete_days)
        self._shown.update(complete_days)
        metadata = day_metadata(lake, self._dataset, report, complete_days)
        keys = (self._keys.archive(self._dataset), self._keys.table(self._dataset.main))
        with self._context.resources.givenergy.one_transaction(self._context):
            for key in keys:
                for day in complete_days if key in self._chosen else ():
                    self._context.log_event(
                        dg.AssetMaterialization(
                            key, partition=day.isoformat(), metadata=metadata[day]
                        )
                    )

    def _warn_new_devices(self, new: Sequence[Device]) -> None:
        for device in new:
            self._context.log.warning(
                f"{device.device_id} is new in this account: fetch its history with"
                f" `givlake backfill --device {device.device_id}`."
            )


def table_results(
    keys: AssetKeys,
    chosen: Iterable[dg.AssetKey],
    dataset: Dataset,
    lake: Lake,
    report: IngestionReport,
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield the result of each chosen asset."""
    for key, metadata in table_metadata(keys, lake, dataset, report).items():
        if key in chosen:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)


def failure_sentences(report: IngestionReport) -> str:
    """Return a message with a line for each of the first twenty failed requests."""
    if report.by_day:
        lines = [f"{len(report.incomplete_days)} days are not complete."]
    else:
        lines = [f"{len(report.failures)} requests for {report.dataset} failed."]
    if report.stopped is not None:
        lines.append(str(report.stopped))
    for result in report.failures[:_FAILURES_NAMED]:
        lines.append(f"{f'{report.dataset} {result.request}'.strip()}: {result.message}")
    if (more := len(report.failures) - _FAILURES_NAMED) > 0:
        lines.append(f"and {more} more.")
    if (left := report.total.planned - report.total.done) > 0:
        lines.append(f"{left} device-days were not requested.")
    return "\n".join(lines)
