"""Telling: what is missing or in trouble is compared with what was told, and the rest is sent."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from assets.framework.contract.devices import local_day
from pipelines.alerts.channels import channels, send
from pipelines.alerts.failure_kinds import STALE, job_at_fault
from pipelines.alerts.message import TEST, message_of, message_when_over
from pipelines.alerts.missing_days import missing
from pipelines.alerts.sent_alerts import compare, read, write
from pipelines.discovery import last_discovery
from pipelines.session_factory import open_lake, stored_zone
from pipelines.settings import Settings
from warehouse import Lake
from warehouse.storage.locks import FileLock

_DAY = timedelta(days=1)


@dataclass(slots=True)
class AlertReport:
    """What was sent, and a sentence for each way that it could not go."""

    messages: int = 0
    trouble: list[str] = field(default_factory=list)


def send_alerts(
    settings: Settings,
    *,
    troubles: Collection[str] = (),
    mended: Collection[str] = (),
    unasked: bool = False,
    since: date | None = None,
    now: datetime | None = None,
) -> AlertReport:
    """Send what the owner has not been told yet: what began, and what is over.

    Args:
        settings: the ways to send; without one nothing happens.
        troubles: kinds of trouble that were just met (see `pipelines.alerts.failure_kinds`).
        mended: jobs that have run well since they failed for a reason of their own.
        unasked: tell of what was wanted and not asked for, too; yesterday should be there by now.
        since: the first day to look at; None for the last weeks.
        now: the present time, UTC; None for the clock's.

    Raises:
        SettingsError, WarehouseError: if the data folder cannot be used.
    """
    result = AlertReport()
    ways = channels(settings)
    state = settings.data / "state"
    # Nothing can be missing where nobody has used a token yet.
    if not ways or not (troubles or state.exists()):
        return result
    now = now or datetime.now(UTC)
    zone = stored_zone(settings)
    today = local_day(now, zone)
    with open_lake(settings) as lake, FileLock(_made(state) / "alerts.lock"):
        told = read(lake)
        found = missing(
            lake,
            settings,
            zone,
            told.days,
            now=now,
            since=since,
            until=today - _DAY if unasked else today,
        )
        changes = compare(told, found, unasked=unasked)
        met = {*troubles, *([STALE] if unasked and _is_stale(lake, now) else [])}
        changes.began.troubles = sorted(met - told.troubles.keys())
        changes.over.troubles = [
            trouble
            for trouble, since in sorted(told.troubles.items())
            if trouble not in met and _is_over(lake, trouble, since, mended)
        ]
        if changes.began or changes.over:
            # Whoever cannot write down what was told would tell it again and again.
            write(lake, told)
        sent = {}
        for news, words in ((changes.began, message_of), (changes.over, message_when_over)):
            if not news:
                continue
            failed = send(ways, words(news))
            result.trouble += failed
            # One way that worked is enough: what is told twice is soon overheard.
            sent[words] = len(failed) < len(ways)
            result.messages += sent[words]
        after = changes.applied(
            told,
            began=sent.get(message_of, False),
            over=sent.get(message_when_over, False),
            now=now,
        )
        if after != told:
            write(lake, after)
    return result


def send_test(settings: Settings) -> AlertReport:
    """Send a message that says that all is well."""
    ways = channels(settings)
    trouble = send(ways, TEST)
    return AlertReport(len(ways) - len(trouble), trouble)


def _is_stale(lake: Lake, now: datetime) -> bool:
    last = last_discovery(lake)
    return last is not None and now - last.at > 2 * _DAY


def _is_over(lake: Lake, trouble: str, since: datetime, mended: Collection[str]) -> bool:
    """Whether the devices have been asked for since, for which everything must be in order."""
    if (job := job_at_fault(trouble)) is not None:
        return job in mended
    last = last_discovery(lake)
    return last is not None and last.at > since


def _made(folder: Path) -> Path:
    """Make a folder inside the data folder unless it exists."""
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder
