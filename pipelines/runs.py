"""Running the assets from the command line: the same jobs as in Dagster's UI, in this process."""

from collections.abc import Mapping, Sequence
from datetime import date

import dagster as dg

from assets.framework.claims import Want
from assets.framework.collect import Outcome
from assets.framework.dataset import Dataset
from pipelines.build import build_definitions, job_name
from pipelines.cli.common import console, plural, printable
from pipelines.cli.progress import ProgressReporter
from pipelines.errands import Errand, runs
from pipelines.instance import open_instance
from pipelines.partitions import range_tags
from pipelines.settings import Settings

_CAUSES_NAMED = 10


def fetch(settings: Settings, errands: Sequence[Errand], *, again: bool, refresh: bool) -> None:
    """Run the jobs of what is missing, newest first, and say what went wrong.

    Args:
        settings: where the data folder is.
        errands: what is wanted and which of it is missing.
        again: fetch what is there as well.
        refresh: fetch the days that were not over when they were fetched.

    Raises:
        KeyboardInterrupt: if the owner ended it; what was fetched is kept.
    """
    with ProgressReporter(sum(errand.to_fetch.total() for errand in errands)) as reporter:
        definitions = build_definitions(
            settings, {"reporter": dg.ResourceDefinition.hardcoded_resource(reporter)}
        )
        with open_instance(settings) as instance:
            for errand, first, last in runs(errands):
                config = {"devices": errand.device_ids, "again": again, "refresh": refresh}
                _run(definitions, instance, errand.dataset, (first, last), config, settings)
                # Dagster calls a run that was ended from within a failed one.
                if any(report.stopped or report.cancelled for report in reporter.reports):
                    break
    _say(reporter)
    if any(report.cancelled for report in reporter.reports):
        raise KeyboardInterrupt


def _run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    dataset: Dataset,
    days: tuple[date, date],
    config: Mapping[str, object],
    settings: Settings,
) -> None:
    result = definitions.resolve_job_def(job_name(dataset.name)).execute_in_process(
        instance=instance,
        tags={**range_tags(*days), "givlake/started_by": "command line"},
        run_config={
            "ops": {dataset.name: {"config": config}},
            "loggers": {"console": {"config": {"log_level": _quiet(settings.log_level)}}},
        },
        raise_on_error=False,
    )
    if result.dagster_run.status is dg.DagsterRunStatus.CANCELED:
        raise KeyboardInterrupt


def _quiet(log_level: str) -> str:
    """Leave to Dagster's console log only what was asked for: it reports our failures as errors."""
    return log_level if log_level in ("DEBUG", "INFO") else "CRITICAL"


def _say(reporter: ProgressReporter) -> None:
    """Say what was fetched and what could not be, once for each cause."""
    out = console()
    totals = [report.total for report in reporter.reports]
    rows, requests = sum(of.rows for of in totals), sum(of.requests for of in totals)
    out.print(f"Fetched {plural(rows, 'row')} with {plural(requests, 'request')}.")
    stopped = [report.stopped for report in reporter.reports if report.stopped is not None]
    for error in stopped[:1]:
        out.print(f"Stopped: {printable(error)}")
    gone = {device: why for report in reporter.reports for device, why in report.gone.items()}
    for device_id, message in list(gone.items())[:_CAUSES_NAMED]:
        out.print(f"{printable(device_id)} is gone: {printable(message)}")
    causes: dict[str, list[Want]] = {}
    for report in reporter.reports:
        for result in report.failures:
            # What was refused along with everything else has been said.
            if not stopped or result.outcome is not Outcome.DENIED:
                causes.setdefault(result.message, []).append(result.want)
    for cause, wanted in list(causes.items())[:_CAUSES_NAMED]:
        first = min(wanted, key=lambda want: want.day)
        out.print(
            f"{plural(len(wanted), 'device-day')} failed, the first"
            f" {printable(first.device_id)} {first.day}: {printable(cause)}"
        )
