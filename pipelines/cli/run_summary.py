"""The summary that a command prints after its runs."""

from collections.abc import Iterable

from assets.framework.contract.day_range import DayRange
from assets.framework.ingestion.fetch_result import Outcome
from assets.framework.ingestion.report import IngestionReport
from pipelines.cli.common import console, plural, printable
from pipelines.cli.progress import ProgressReporter
from pipelines.device_names import DeviceNames
from pipelines.request_count import sent_requests

_CAUSES_NAMED = 10


def has_failed(reports: Iterable[IngestionReport]) -> bool:
    """Return whether anything that runs were to fetch was not fetched.

    A day can have failed and be complete all the same, if it was so before and was fetched again.
    """
    return any(
        bool(report.failures) or report.stopped is not None
        if report.by_day
        else not report.is_complete
        for report in reports
    )


def print_summary(reporter: ProgressReporter, names: DeviceNames) -> None:
    """Print what was fetched, and one line per cause of failure, with the names of devices."""
    out = console()
    reports = reporter.reports
    rows = sum(report.total.rows for report in reports)
    out.print(
        f"Fetched {plural(rows, 'row')}; {plural(sent_requests(), 'request')} sent, those for"
        " account and device lists included."
    )
    if quarantined := sum(report.built["quarantined"] for report in reports):
        out.print(f"{plural(quarantined, 'row')} quarantined; see `givlake quarantine`.")
    if nulled := sum(report.built["partly_quarantined"] for report in reports):
        concerned = plural(nulled, "row")
        out.print(f"{concerned} with a quarantined value, now null; see `givlake quarantine`.")
    stopped = reporter.stopped
    # An invalid token is the same error for all datasets; missing scopes differ by dataset.
    for error in stopped if not reporter.ended else stopped[-1:]:
        out.print(f"Stopped: {printable(error)}")
    daily = [report for report in reports if report.by_day]
    gone = {device: reason for report in daily for device, reason in report.gone.items()}
    for device_id, message in list(gone.items())[:_CAUSES_NAMED]:
        out.print(f"{printable(names[device_id])} is gone: {printable(message)}")
    causes: dict[str, list[DayRange]] = {}
    for report in daily:
        for result in report.failures:
            # A dataset that is forbidden as a whole has been printed above.
            is_printed = report.stopped is not None and result.outcome is Outcome.FORBIDDEN
            if result.request.day_range is not None and not is_printed:
                causes.setdefault(result.message, []).append(result.request.day_range)
    for cause, failed in list(causes.items())[:_CAUSES_NAMED]:
        first = min(failed, key=lambda day_range: day_range.first)
        out.print(
            f"{plural(sum(map(len, failed)), 'device-day')} failed, first"
            f" {printable(names[first.device_id])} {first.first}: {printable(cause)}"
        )
    for report in reports:
        lines = dict.fromkeys(
            f"{f'{report.dataset} {names[result.request.device_id]}'.strip()}: {result.message}"
            for result in ([] if report.by_day else report.failures)
            if not reporter.ended or result.outcome is not Outcome.FORBIDDEN
            # What stopped the dataset has been printed above.
            if result.message not in str(report.stopped or "")
        )
        for line in list(lines)[:_CAUSES_NAMED]:
            out.print(printable(line))
