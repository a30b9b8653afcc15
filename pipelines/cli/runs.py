"""Run assets from the command line: the same jobs as in Dagster's UI, in this process."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from types import MappingProxyType, TracebackType
from typing import Self

import dagster as dg

from assets.framework.contract.dataset import DailyDataset, Dataset, SnapshotDataset
from assets.framework.contract.devices import Devices, of_kinds
from assets.framework.ingestion.report import IngestionReport
from assets.framework.orchestration.asset_keys import AssetKeys
from assets.framework.orchestration.dataset_asset import table_results
from assets.registry import device_lists
from pipelines.backfill_plan import BackfillTask, runs
from pipelines.cli.killed_runs import tagged_runs
from pipelines.cli.local_faults import RunFailedError
from pipelines.cli.progress import ProgressReporter
from pipelines.cli.run_summary import has_failed, print_summary
from pipelines.dagster_workarounds.recorded_run import execute_recorded
from pipelines.database_errors import stated_database_error
from pipelines.definitions_factory import (
    REFRESH_JOB,
    build_definitions,
    job_name,
)
from pipelines.device_names import DeviceNames
from pipelines.instance import open_instance
from pipelines.known_devices import HISTORY_STARTS
from pipelines.open_folder import stored_state
from pipelines.partitions import range_tags
from pipelines.settings import Settings
from pipelines.stop_signals import is_stopping
from warehouse.lake import Lake


class Runs:
    """The runs of one command, with their progress; use it in a `with` block."""

    def __init__(
        self, settings: Settings, datasets: Sequence[Dataset], *, retry_refused: bool = False
    ) -> None:
        """Prepare to run the jobs of datasets; `retry_refused` requests what was refused."""
        self._settings = settings
        self._retry_refused = retry_refused
        self._built: dg.Definitions | None = None
        self._starts: object = None
        self._log_level = _console_log_level(settings.log_level)
        self._reporter = ProgressReporter()
        self._datasets = datasets
        self._keys = AssetKeys(settings.account_name)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._instance = self._open.enter_context(open_instance(self._settings))
        self._tags = self._open.enter_context(tagged_runs(self._instance, self._settings))
        self._open.enter_context(self._reporter)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def show(self, lake: Lake, reports: Mapping[str, IngestionReport]) -> None:
        """Record in Dagster the device lists that were requested before the first run.

        Args:
            lake: The data folder.
            reports: The reports of the lists, by name.
        """
        for device_list in device_lists():
            if (report := reports.get(device_list.name)) is None:
                continue
            keys = self._keys.of_dataset(device_list)
            for result in table_results(self._keys, keys, device_list, lake, report):
                assert result.asset_key is not None
                self._instance.report_runless_asset_event(
                    dg.AssetMaterialization(result.asset_key, metadata=result.metadata)
                )

    def expect(
        self, tasks: Sequence[BackfillTask], snapshots: Sequence[SnapshotDataset], devices: Devices
    ) -> None:
        """Set what is planned, as far as it is known before the first response.

        Args:
            tasks: The days, planned.
            snapshots: The snapshot datasets that are due.
            devices: The devices of the account.
        """
        self._expect_days(tasks)
        for dataset in snapshots:
            requests = len(of_kinds(devices, dataset.device_kinds)) if dataset.device_kinds else 1
            self._reporter.expect(dataset.name, requests)

    def _expect_days(self, tasks: Sequence[BackfillTask]) -> None:
        days: Counter[DailyDataset] = Counter()
        for task in tasks:
            days[task.dataset] += task.to_fetch.total()
        for dataset, count in days.items():
            days_per_request = self._settings.range_days if dataset.takes_ranges else 1
            self._reporter.expect(dataset.name, -(-count // days_per_request), count)

    def refresh(
        self, datasets: Sequence[SnapshotDataset], device_ids: Sequence[str], *, refetch: bool
    ) -> None:
        """Fetch snapshot datasets as far as they are due.

        Args:
            datasets: The snapshot datasets, the most urgent first.
            device_ids: Devices to limit the run to; none means all.
            refetch: Whether to request everything, due or not.
        """
        config = {"devices": list(device_ids), "refetch": refetch, "refresh": refetch}
        for _, group in groupby(datasets, key=lambda dataset: dataset.urgency):
            if self._reporter.ended:
                return
            run_datasets = list(group)
            self._execute(
                REFRESH_JOB,
                {dataset.name: config for dataset in run_datasets},
                asset_selection=[
                    key for dataset in run_datasets for key in self._keys.of_dataset(dataset)
                ],
            )

    def fetch_days(self, tasks: Sequence[BackfillTask], *, refetch: bool, refresh: bool) -> None:
        """Ingest missing days, the newest first.

        Args:
            tasks: The planned tasks.
            refetch: Whether to fetch complete days again.
            refresh: Whether to fetch days again that were not over when they were fetched.
        """
        self._expect_days(tasks)
        for task, first, last in runs(tasks):
            # Checked here because Dagster reports a run that ends itself early as failed.
            if self._reporter.ended:
                return
            if task.dataset.name in self._reporter.closed:
                continue
            config = {"devices": task.device_ids, "refetch": refetch, "refresh": refresh}
            self._execute(
                job_name(task.dataset.name),
                {task.dataset.name: config},
                tags=range_tags(first, last),
            )

    @property
    def ended(self) -> bool:
        """Whether a run ended early for a reason that makes further runs pointless."""
        return self._reporter.ended

    def print_summary(self, names: DeviceNames) -> bool:
        """Print what was fetched and what failed; return whether anything failed.

        Args:
            names: The names of the devices.

        Raises:
            KeyboardInterrupt: The owner interrupted a run; fetched data are kept.
        """
        self._reporter.close()
        print_summary(self._reporter, names)
        if self._reporter.cancelled:
            raise KeyboardInterrupt
        return has_failed(self._reporter.reports)

    def _definitions(self) -> dg.Definitions:
        """Return the definitions; new ones if a run has found older days: partitions show them."""
        starts = stored_state(self._settings).get(HISTORY_STARTS)
        if self._built is None or starts != self._starts:
            reporter = dg.ResourceDefinition.hardcoded_resource(self._reporter)
            self._built = build_definitions(
                self._settings, {"reporter": reporter}, datasets=self._datasets
            )
            self._starts = starts
        return self._built

    def _execute(
        self,
        job: str,
        configs: Mapping[str, Mapping[str, object]],
        *,
        tags: Mapping[str, str] = MappingProxyType({}),
        asset_selection: Sequence[dg.AssetKey] | None = None,
    ) -> None:
        result = execute_recorded(
            self._definitions().resolve_job_def(job),
            self._instance,
            account_name=self._settings.account_name,
            run_config={
                "ops": {
                    name: {"config": {**config, "retry_refused": self._retry_refused}}
                    for name, config in configs.items()
                },
                "loggers": {"console": {"config": {"log_level": self._log_level}}},
            },
            tags={**tags, **self._tags},
            asset_selection=asset_selection,
        )
        # Dagster can hear a signal between two steps, and go on.
        if is_stopping() or result.dagster_run.status is dg.DagsterRunStatus.CANCELED:
            raise KeyboardInterrupt
        if not self._reporter.ended:
            _raise_unexpected_failures(result)


def _raise_unexpected_failures(result: dg.JobExecutionResult) -> None:
    """Raise the errors of a run that the assets do not report themselves.

    Raises:
        DagsterDatabaseError: PostgreSQL, if it keeps Dagster's state, did not store an event.
        RunFailedError: With Dagster's description of the error.
    """
    failed = [event for event in result.all_events if event.is_step_failure]
    for event in failed:
        if event.step_failure_data.user_failure_data is None:
            text = event.step_failure_data.error_display_string
            raise stated_database_error(text) or RunFailedError(text)
    for event in result.all_events:
        if event.is_job_failure and (error := event.job_failure_data.error) and not failed:
            raise RunFailedError(error.to_string())
    if not result.success and not failed:
        raise RunFailedError(f"Dagster ended run {result.run_id} without an error message.")


def _console_log_level(log_level: str) -> str:
    """Return the level of Dagster's console log, which would print reported failures as errors."""
    return log_level if log_level in ("DEBUG", "INFO") else "CRITICAL"
