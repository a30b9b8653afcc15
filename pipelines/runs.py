"""Running the assets from the command line: the same jobs as in Dagster's UI, in this process."""

from collections.abc import Mapping, Sequence, Set
from datetime import date

import dagster as dg

from assets.framework.claims import Want
from assets.framework.collect import Outcome
from assets.framework.dataset import Dataset
from pipelines.build import build_definitions, job_name
from pipelines.cli.common import console, plural
from pipelines.cli.progress import ProgressReporter
from pipelines.instance import open_instance
from pipelines.partitions import range_tags
from pipelines.settings import Settings


def fetch(
    settings: Settings,
    wants: Mapping[Dataset, Set[Want]],
    device_ids: Sequence[str],
    *,
    again: bool,
    refresh: bool,
) -> None:
    """Run the jobs of what is wanted, a month at a time, newest first, and say what went wrong.

    Raises:
        KeyboardInterrupt: if the owner ended it; what was fetched is kept.
    """
    with ProgressReporter(sum(map(len, wants.values()))) as reporter:
        definitions = build_definitions(
            settings, {"reporter": dg.ResourceDefinition.hardcoded_resource(reporter)}
        )
        with open_instance(settings) as instance:
            for dataset, days in _by_month(wants):
                _run(
                    definitions,
                    instance,
                    dataset,
                    days,
                    {"devices": list(device_ids), "again": again, "refresh": refresh},
                    settings.log_level,
                )
                if reporter.reports and reporter.reports[-1].stopped is not None:
                    break
    _say(reporter)


def _by_month(wants: Mapping[Dataset, Set[Want]]) -> list[tuple[Dataset, list[date]]]:
    """Split what is wanted into runs of at most a calendar month, newest month first."""
    months: dict[tuple[str, str], tuple[Dataset, set[date]]] = {}
    for dataset, part in wants.items():
        for want in part:
            month = (f"{want.day:%Y-%m}", dataset.name)
            months.setdefault(month, (dataset, set()))[1].add(want.day)
    return [(dataset, sorted(days)) for _, (dataset, days) in sorted(months.items(), reverse=True)]


def _run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    dataset: Dataset,
    days: Sequence[date],
    config: Mapping[str, object],
    log_level: str,
) -> None:
    result = definitions.resolve_job_def(job_name(dataset.name)).execute_in_process(
        instance=instance,
        tags={**range_tags(days[0], days[-1]), "givlake/started_by": "command line"},
        run_config={
            "ops": {dataset.name: {"config": config}},
            "loggers": {"console": {"config": {"log_level": _quiet(log_level)}}},
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
    results = [result for report in reporter.reports for result in report.results]
    requests = sum(result.requests for result in results)
    rows = sum(result.rows for result in results)
    out.print(f"Fetched {plural(rows, 'row')} with {plural(requests, 'request')}.")
    stopped = [report.stopped for report in reporter.reports if report.stopped is not None]
    for error in stopped[:1]:
        out.print(f"Stopped: {error}")
    gone = {r.want.device_id: r.message for r in results if r.outcome is Outcome.GONE}
    for device_id, message in list(gone.items())[:10]:
        out.print(f"{device_id} is gone: {message}")
    causes: dict[str, list[Want]] = {}
    for report in reporter.reports:
        # What was refused along with everything else has been said.
        failures = [f for f in report.failures if not stopped or f.outcome is not Outcome.DENIED]
        for result in failures:
            causes.setdefault(result.message, []).append(result.want)
    for cause, wanted in list(causes.items())[:10]:
        first = min(wanted, key=lambda want: want.day)
        out.print(
            f"{plural(len(wanted), 'device-day')} failed, the first {first.device_id}"
            f" {first.day}: {cause}"
        )
