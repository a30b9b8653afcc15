"""Sending alerts: what is overdue or failed is compared with what was sent; the rest is sent."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from assets.framework.contract.devices import local_day
from pipelines.alerts.channels import Channel, channels, send
from pipelines.alerts.failure_kinds import STALE, failed_job
from pipelines.alerts.message import TEST, Message, alert_message, recovery_message
from pipelines.alerts.overdue import find_overdue
from pipelines.alerts.sent_alerts import Incidents, compare, read, write
from pipelines.discovery import last_discovery
from pipelines.session_factory import open_lake, stored_zone
from pipelines.settings import Settings
from warehouse import Lake
from warehouse.storage.locks import FileLock

_DAY = timedelta(days=1)


@dataclass(slots=True)
class AlertReport:
    """How many messages were sent, and a sentence for each channel that failed."""

    messages: int = 0
    errors: list[str] = field(default_factory=list)


def send_alerts(
    settings: Settings,
    *,
    failures: Collection[str] = (),
    recovered_jobs: Collection[str] = (),
    unrequested: bool = False,
    since: date | None = None,
    now: datetime | None = None,
) -> AlertReport:
    """Send what the owner has not been sent yet: what started, and what ended.

    Args:
        settings: the channels; without one nothing happens.
        failures: kinds of failure that just happened (see `pipelines.alerts.failure_kinds`).
        recovered_jobs: jobs that succeeded since they failed with an unexpected error.
        unrequested: also alert about days for which no request was made; yesterday should
            be complete by now.
        since: the first day to check; None for the last weeks.
        now: the present time, UTC; None for the clock's.

    Raises:
        SettingsError, WarehouseError: if the data folder cannot be used.
    """
    report = AlertReport()
    ways = channels(settings)
    state = settings.data / "state"
    # Nothing can be missing where nobody has used a token yet.
    if not ways or not (failures or state.exists()):
        return report
    now = now or datetime.now(UTC)
    today = local_day(now, stored_zone(settings))
    until = today - _DAY if unrequested else today
    with open_lake(settings) as lake, FileLock(_made(state) / "alerts.lock"):
        sent = read(lake)
        overdue = find_overdue(lake, settings, sent.days, now=now, since=since, until=until)
        changes = compare(sent, overdue, unrequested=unrequested)
        current = {*failures}
        if unrequested and _is_stale(lake, now):
            current.add(STALE)
        changes.started.failures = sorted(current - sent.failures.keys())
        changes.ended.failures = [
            failure
            for failure, sent_at in sorted(sent.failures.items())
            if failure not in current and _is_over(lake, failure, sent_at, recovered_jobs)
        ]
        if changes.started or changes.ended:
            # Whoever cannot store what was sent would send it again and again.
            write(lake, sent)
        after = changes.applied(
            sent,
            started=_send(ways, alert_message, changes.started, report),
            ended=_send(ways, recovery_message, changes.ended, report),
            now=now,
        )
        if after != sent:
            write(lake, after)
    return report


def _send(
    ways: Sequence[Channel],
    message: Callable[[Incidents], Message],
    incidents: Incidents,
    report: AlertReport,
) -> bool:
    """Send a message about incidents, if there are any; return whether a channel delivered it."""
    if not incidents:
        return False
    errors = send(ways, message(incidents))
    report.errors += errors
    # One channel that worked is enough: repeated alerts are soon ignored.
    is_delivered = len(errors) < len(ways)
    report.messages += is_delivered
    return is_delivered


def _made(folder: Path) -> Path:
    """Make a folder inside the data folder unless it exists."""
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def send_test(settings: Settings) -> AlertReport:
    """Send a message that says that nothing is wrong."""
    ways = channels(settings)
    errors = send(ways, TEST)
    return AlertReport(len(ways) - len(errors), errors)


def _is_stale(lake: Lake, now: datetime) -> bool:
    last = last_discovery(lake)
    return last is not None and now - last.at > 2 * _DAY


def _is_over(lake: Lake, failure: str, sent_at: datetime, recovered_jobs: Collection[str]) -> bool:
    """Tell whether the device lists were fetched since, for which everything must be in order."""
    if (job := failed_job(failure)) is not None:
        return job in recovered_jobs
    last = last_discovery(lake)
    return last is not None and last.at > sent_at
