"""Dagster assets of a dataset that is asked for by day: its archive and its table.

One multi-asset with two keys that can be chosen apart. Both: fetch and build. The archive alone:
fetch. The table alone: build it anew from the archive, without a request. What is fetched follows
from the states in the archive; Dagster's partitions only show it.

A run works through every device and day before it says what is wrong: each day that is good gets
its materialization as soon as it is built, and in the end the run fails naming those that are not.
It has no outputs, as Dagster would take them for one more materialization of every day.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import partial

import dagster as dg
from pydantic import Field

from assets.framework.contract.dataset import DailyDataset, Dataset
from assets.framework.contract.devices import of_kinds
from assets.framework.ingestion.daily import ingest
from assets.framework.ingestion.report import Report
from assets.framework.orchestration.asset_keys import archive_key, asset_specs, table_key
from assets.framework.orchestration.asset_metadata import day_metadata
from warehouse import Lake, rebuild

_FAILURES_NAMED = 20


class IngestConfig(dg.Config):
    """What a run can be told from Dagster's launch pad.

    Attributes:
        devices: serial numbers or UUIDs to limit the run to; none means all.
        refetch: fetch days that are there as well.
        refresh: fetch the days that were not over when they were last fetched.
    """

    devices: list[str] = Field(default_factory=list)
    refetch: bool = False
    refresh: bool = True


def daily_asset(
    dataset: DailyDataset, partitions: dg.PartitionsDefinition, deps: Sequence[dg.AssetKey]
) -> dg.AssetsDefinition:
    """Make the two assets of a dataset.

    Args:
        dataset: a dataset asked for by day.
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
        required_resource_keys={"rate_limit", "givenergy", "reporter"},
    )
    def _asset(
        context: dg.AssetExecutionContext, config: IngestConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        yield from ()  # No output at all is something that only a generator can give.
        days = [date.fromisoformat(key) for key in context.partition_keys]
        chosen = [key for key in (archive, table) if key in context.selected_asset_keys]
        api, reporter = context.resources.givenergy, context.resources.reporter
        shown: set[date] = set()

        def show(lake: Lake, report: Report, done: Iterable[date]) -> None:
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

        if archive not in chosen:
            with api.lake() as lake:
                report = Report()
                report.add_build(rebuild(lake, dataset))
                show(lake, report, days)
            return
        with api.session() as (session, discovery):
            report = ingest(
                session,
                dataset,
                of_kinds(discovery.choose(config.devices), dataset.device_kinds),
                min(days),
                max(days),
                refetch=config.refetch,
                refresh=config.refresh,
                with_table=table in chosen,
                progress=reporter.progress,
                settle=partial(show, session.lake),
            )
            if not report.cancelled and report.stopped is None:
                show(session.lake, report, days)
            if not report.cancelled and report.has_worked:
                api.note_run(session.lake, context.run.tags)
        reporter.finished(dataset, report)
        if report.cancelled:
            raise KeyboardInterrupt
        if report.incomplete_days or report.stopped is not None:
            raise dg.Failure(_sentence(dataset, report), allow_retries=False)

    return _asset


def _sentence(dataset: Dataset, report: Report) -> str:
    """Say what is missing, a line for each device-day, the first twenty of them."""
    lines = [f"{len(report.incomplete_days)} days are not complete."]
    if report.stopped is not None:
        lines.append(str(report.stopped))
    lines += [
        f"{dataset.name} {result.day_range}: {result.message}"
        for result in report.failures[:_FAILURES_NAMED]
    ]
    if (more := len(report.failures) - _FAILURES_NAMED) > 0:
        lines.append(f"and {more} more.")
    if left := report.total.wanted - report.total.done:
        lines.append(f"{left} device-days were not asked for.")
    return "\n".join(lines)
