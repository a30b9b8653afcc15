"""What the assets of every dataset have in common: configuration, the course of a run, its failure.

With the archive chosen, a run fetches and builds. With tables alone it builds them anew from the
archive, without a request. It does all it can before it fails naming what is missing.
"""

from collections.abc import Callable, Iterator

import dagster as dg
from pydantic import Field

from assets.framework.contract.dataset import Dataset, DeviceList
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.ingestion.report import IngestionReport
from assets.framework.orchestration.asset_keys import archive_key
from warehouse import Lake, rebuild

RESOURCES = {"rate_limit", "givenergy", "reporter"}
_FAILURES_NAMED = 20

Results = Iterator[dg.MaterializeResult[None]]
# Fetches, given a session and the devices that were discovered.
Fetch = Callable[..., IngestionReport]
# Shows in Dagster what is in the tables.
Show = Callable[[Lake, IngestionReport], Results]


class FetchConfig(dg.Config):
    """The configuration of a run, as in Dagster's launch pad.

    Attributes:
        devices: serial numbers or UUIDs to limit the run to; none means all.
        refetch: fetch again what is already complete, and what was unavailable.
        refresh: fetch again what may have changed: days that were not over when they were last
            fetched; what is requested in its present state, although that was a short time ago.
    """

    devices: list[str] = Field(default_factory=list)
    refetch: bool = False
    refresh: bool = True


def run_asset(
    context: dg.AssetExecutionContext,
    dataset: Dataset,
    config: FetchConfig,
    fetch: Fetch,
    show: Show,
) -> Results:
    """Run the assets of a dataset, as far as they are chosen.

    Args:
        context: of the run.
        dataset: whose assets they are.
        config: of the run.
        fetch: called with session and discovery.
        show: called with the data folder and the report, when all is built.

    Raises:
        Failure: if something is missing in the end.
        KeyboardInterrupt: if somebody ended the run.
    """
    api = context.resources.givenergy
    if archive_key(dataset) not in context.selected_asset_keys:
        with api.lake() as lake:
            report = IngestionReport(dataset.name)
            report.add_build(rebuild(lake, DatasetDecoder(dataset)))
            yield from show(lake, report)
        return
    device_list = dataset if isinstance(dataset, DeviceList) else None
    with api.session(device_list, force=config.refresh) as (session, discovery):
        report = fetch(session, discovery)
        report.cancelled = session.cancelled.is_set()
        # Without a result Dagster would leave out whatever reads these tables.
        yield from show(session.lake, report)
        if not report.cancelled and report.has_worked:
            api.note_run(session.lake, context.run.tags)
    context.resources.reporter.finished(report)
    if report.cancelled:
        raise KeyboardInterrupt
    if not report.is_complete:
        raise dg.Failure(failure_sentences(report), allow_retries=False)


def failure_sentences(report: IngestionReport) -> str:
    """Say what is missing, a line for each request, the first twenty of them."""
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
