"""Send alerts about overdue data and failures that have not been sent yet."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from assets.framework.contract.devices import local_day
from givenergy.server_clock import utc_now
from pipelines.alerts.channels import NO_CHANNEL, NONE_ATTACHES, Channel, channels, send
from pipelines.alerts.failure_kinds import STALE, failed_job
from pipelines.alerts.message import TEST, Message, alert_message, recovery_message
from pipelines.alerts.overdue import find_overdue
from pipelines.alerts.sent_alerts import Incidents, compare, read, write
from pipelines.known_devices import last_discovery
from pipelines.open_folder import open_lake, stored_zone
from pipelines.settings import Settings
from warehouse.lake import Lake
from warehouse.storage.file_locks import FileLock

_DAY = timedelta(days=1)


@dataclass(slots=True)
class AlertReport:
    """The number of messages sent, and an error message for each channel that failed."""

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
    """Send alerts about incidents that have started or ended since the last call.

    Args:
        settings: The channels; without a channel nothing happens.
        failures: Kinds of failure that just happened (see `pipelines.alerts.failure_kinds`).
        recovered_jobs: Jobs that succeeded since they failed with an unexpected error.
        unrequested: Also alert about days for which no request was made; yesterday should
            be complete by now.
        since: The first day to check; None for the last weeks.
        now: The present time, UTC; None for the clock's.

    Raises:
        SettingsError, WarehouseError: the data folder cannot be used.
    """
    report = AlertReport()
    targets = channels(settings)
    state = settings.data / "state"
    # Nothing can be missing before a token was first used.
    if not targets or not (failures or state.exists()):
        return report
    now = now or utc_now()
    today = local_day(now, stored_zone(settings))
    until = today - _DAY if unrequested else today
    tell = partial(alert_message, account=settings.account_name)
    with open_lake(settings) as lake, FileLock(_created(state) / "alerts.lock"):
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
            # If sent alerts cannot be stored, none may be sent: they would be sent repeatedly.
            write(lake, sent)
        after = changes.applied(
            sent,
            started=_send(targets, tell, changes.started, report),
            ended=_send(targets, recovery_message, changes.ended, report),
            now=now,
        )
        if after != sent:
            write(lake, after)
    return report


def _send(
    targets: Sequence[Channel],
    message: Callable[[Incidents], Message],
    incidents: Incidents,
    report: AlertReport,
) -> bool:
    """Send a message about incidents, if there are any; return whether a channel delivered it."""
    if not incidents:
        return False
    errors = send(targets, message(incidents))
    report.errors += errors
    # One working channel is enough: repeated alerts are soon ignored.
    is_delivered = len(errors) < len(targets)
    report.messages += is_delivered
    return is_delivered


def _created(folder: Path) -> Path:
    """Create a folder inside the data folder unless it exists."""
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def send_test(settings: Settings) -> AlertReport:
    """Send a test message by all channels."""
    targets = channels(settings)
    errors = send(targets, TEST)
    return AlertReport(len(targets) - len(errors), errors)


def file_problem(settings: Settings) -> str | None:
    """Return why no file can be sent, and what to do; None if a channel takes files."""
    targets = channels(settings)
    if any(channel.can_attach() for channel in targets):
        return None
    return NONE_ATTACHES if targets else NO_CHANNEL


def send_file(
    settings: Settings, message: Message, delivered: set[int] | None = None
) -> AlertReport:
    """Send a message with a file by all channels that can take one.

    Args:
        settings: The channels.
        message: The message.
        delivered: Numbers of the channels that have it already; those that get it are added.
    """
    delivered = set() if delivered is None else delivered
    if (problem := file_problem(settings)) is not None:
        return AlertReport(errors=[problem])
    report = AlertReport()
    for number, channel in enumerate(channels(settings), start=1):
        if number in delivered or not channel.can_attach():
            continue
        if errors := send([channel], message):
            report.errors += errors
        else:
            report.messages += 1
            delivered.add(number)
    return report


def _is_stale(lake: Lake, now: datetime) -> bool:
    last = last_discovery(lake)
    return last is not None and now - last.at > 2 * _DAY


def _is_over(lake: Lake, failure: str, sent_at: datetime, recovered_jobs: Collection[str]) -> bool:
    """Return whether a failure is over: the device lists were fetched since, or the job worked."""
    if (job := failed_job(failure)) is not None:
        return job in recovered_jobs
    last = last_discovery(lake)
    return last is not None and last.at > sent_at
