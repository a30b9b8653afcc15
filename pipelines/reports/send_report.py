"""Send reports through the channels of alerts, as files with the key figures in the text."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipelines.alerts import AlertReport, send_file
from pipelines.alerts.message import Message
from pipelines.reports.report_file import Report
from pipelines.settings import Settings


def send_report(
    settings: Settings,
    report: Report,
    notes: Sequence[str] = (),
    delivered: set[int] | None = None,
) -> AlertReport:
    """Send a report by all channels that can take a file.

    Args:
        settings: The channels.
        report: The report.
        notes: Further lines of the text.
        delivered: Numbers of the channels that have it already; those that get it are added.
    """
    with tempfile.TemporaryDirectory(prefix="givlake-") as folder:
        file = Path(folder, report.file_name)
        file.write_text(report.html, encoding="utf-8")
        title = f"givlake report: {report.title}"
        message = Message(title, "\n".join([*report.lines, *notes]), file)
        return send_file(settings, message, delivered)
