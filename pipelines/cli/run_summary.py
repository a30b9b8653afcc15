"""What the command line says of the runs of a command when they are over."""

from assets.framework.ingestion.day_ranges import DayRange
from assets.framework.ingestion.fetcher import Outcome
from pipelines.cli.common import console, plural, printable
from pipelines.cli.progress import ProgressReporter

_CAUSES_NAMED = 10


def say(reporter: ProgressReporter) -> None:
    """Say what was fetched and what could not be, once for each cause."""
    out = console()
    totals = [report.total for report in reporter.reports]
    refreshes = reporter.refreshes
    rows = sum(of.rows for of in totals) + sum(of.rows for of in refreshes)
    requests = sum(of.requests for of in totals) + sum(of.requests for of in refreshes)
    out.print(f"Fetched {plural(rows, 'row')} with {plural(requests, 'request')}.")
    aside = sum(report.built["quarantined"] for report in reporter.reports)
    aside += sum(of.built.rows("quarantined") for of in refreshes if of.built is not None)
    if aside:
        out.print(f"{plural(aside, 'row')} set aside: givlake quarantine says which and why.")
    stopped = reporter.stopped
    # Without a valid token it is the same for all; what a token may not read has its own reason.
    for error in stopped if not reporter.ended else stopped[-1:]:
        out.print(f"Stopped: {printable(error)}")
    gone = {device: why for report in reporter.reports for device, why in report.gone.items()}
    for device_id, message in list(gone.items())[:_CAUSES_NAMED]:
        out.print(f"{printable(device_id)} is gone: {printable(message)}")
    causes: dict[str, list[DayRange]] = {}
    for report in reporter.reports:
        for result in report.failures:
            # What was refused along with all else of its dataset has been said.
            if report.stopped is None or result.outcome is not Outcome.FORBIDDEN:
                causes.setdefault(result.message, []).append(result.day_range)
    for cause, wanted in list(causes.items())[:_CAUSES_NAMED]:
        first = min(wanted, key=lambda day_range: day_range.first)
        out.print(
            f"{plural(sum(map(len, wanted)), 'device-day')} failed, the first"
            f" {printable(first.device_id)} {first.first}: {printable(cause)}"
        )
    for snapshot in refreshes:
        for answer in snapshot.failures[:_CAUSES_NAMED]:
            if not reporter.ended or answer.outcome is not Outcome.FORBIDDEN:
                about = f" {answer.request.device_id}" if answer.request.device_id else ""
                out.print(printable(f"{snapshot.dataset}{about}: {answer.message}"))
