"""Send the reports of all sites of a data folder."""

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.alerts import AlertReport
from pipelines.dashboard import DashboardData
from pipelines.open_folder import open_for_reading
from pipelines.reports.report_file import ReportError, make_report
from pipelines.reports.report_period import ReportPeriod
from pipelines.reports.send_report import send_report
from pipelines.reports.sent_reports import SentReports
from pipelines.settings import Settings

# Each is a file of more than a megabyte in somebody's inbox.
MOST_SITES = 20


def send_site_reports(
    settings: Settings, period: ReportPeriod, log: Callable[[str], object]
) -> AlertReport:
    """Send the report of each site, of 20 at most; a site without data in the period has none.

    If a channel fails, the next call for the same period sends only what was not sent.

    Args:
        settings: The data folder and the channels.
        period: Which days the reports are about.
        log: Called with a sentence about each site.

    Raises:
        SettingsError, WarehouseError: The data folder cannot be used.
    """
    total = AlertReport()
    data = DashboardData(settings)
    try:
        with open_for_reading(settings) as lake:
            sites: list[dict[str, Any]] = data.about()["sites"]  # type: ignore[assignment]
            names = [str(site["site"]) for site in sites]
            notes = notes_on_unsent(names)
            for note in notes:
                log(note)
            sent_to = SentReports(settings, period)
            for name in names[:MOST_SITES]:
                try:
                    report = make_report(data, lake, f"site:{name}", period)
                except ReportError as error:
                    log(str(error))
                    continue
                delivered = sent_to.channels_of(name)
                sent = send_report(settings, report, notes, delivered)
                sent_to.note(name, delivered)
                log(f"{report.title}: {sent.messages} sent.")
                total.messages += sent.messages
                # A channel that fails does so for every site.
                total.errors += [error for error in sent.errors if error not in total.errors]
            if not total.errors:
                sent_to.forget()
    finally:
        data.close()
    return total


def notes_on_unsent(names: Sequence[str]) -> list[str]:
    """Return what to say of sites whose reports are not sent, because there are too many."""
    more = len(names) - MOST_SITES
    if more <= 0:
        return []
    return [
        f"Only the reports of the first {MOST_SITES} sites are sent; make those of the other"
        f" {more:,} with givlake report --site."
    ]
