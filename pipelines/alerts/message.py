"""The text of an alert: the data that are missing, by dataset, device and day.

The API refuses notifications with e-mail addresses, telephone numbers or URLs, and a device's name
is free text. So the text repeats nothing from the API, devices are named only if the identifier
looks like a serial number, months are written in letters (a date in figures looks like a telephone
number), and no word contains a dot.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from assets.framework.contract.day_range import Range
from pipelines.alerts.failure_kinds import describe_failure, describe_recovery
from pipelines.alerts.sent_alerts import DaysByDevice, Incidents
from pipelines.recommended_commands import with_account

_LINES = 12
_NAMED = 3
_SERIAL = re.compile(r"[A-Za-z0-9-]{1,40}")
# As many digits in a row may look like a telephone number.
_DIGITS = re.compile(r"\d(?:-?\d){6}")


@dataclass(frozen=True, slots=True)
class Message:
    """A title and a text, and a file that goes with them."""

    title: str
    body: str
    attachment: Path | None = None


TEST = Message("givlake: test message", "givlake sends its alerts here. Nothing is wrong")


def alert_message(started: Incidents, account: str | None = None) -> Message:
    """Return the message about incidents that have started.

    Args:
        started: The incidents.
        account: The name of the account, if it has one, for the command that shows more.
    """
    lines = [describe_failure(failure) for failure in started.failures]
    lines += _describe_days(started.days, "missing")
    lines += [f"{name}{_of(ids)}: not fetched" for name, ids in sorted(started.snapshots.items())]
    lines.append("Run givlake status for details")
    text = _text(lines)
    is_nameable = account is not None and not _DIGITS.search(account)
    return Message("givlake: data missing", with_account(text, account) if is_nameable else text)


def recovery_message(ended: Incidents) -> Message:
    """Return the message about incidents that have ended."""
    lines = [describe_recovery(failure) for failure in ended.failures]
    lines += _describe_days(ended.days, "no longer missing")
    lines += [f"{name}{_of(ids)}: fetched again" for name, ids in sorted(ended.snapshots.items())]
    return Message("givlake: resolved", _text(lines))


def _describe_days(days: DaysByDevice, state: str) -> list[str]:
    lines = []
    for dataset, by_device in sorted(days.items()):
        ranges = [each for of_device in by_device.values() for each in of_device]
        number = sum((last - first).days + 1 for first, last in ranges)
        lines.append(
            f"{dataset}{_of(by_device)}: {number} device-day{'s' if number > 1 else ''} {state},"
            f" {_when(ranges)}"
        )
    return lines


def _when(ranges: Sequence[Range]) -> str:
    first, last = min(first for first, _ in ranges), max(last for _, last in ranges)
    return _day(first) if first == last else f"{_day(first)} to {_day(last)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b} {day.year}"


def _of(device_ids: Iterable[str]) -> str:
    """Return the names of some devices; "" is the account and needs no name."""
    ids = sorted(device_id for device_id in device_ids if device_id)
    if not ids:
        return ""
    named = [name for device_id in ids if (name := plain_name(device_id))][:_NAMED]
    others = len(ids) - len(named)
    parts = named + ([f"{others} {'more' if named else _devices(others)}"] if others else [])
    return f" of {' and '.join([', '.join(parts[:-1]), parts[-1]] if parts[1:] else parts)}"


def _devices(number: int) -> str:
    return "device" if number == 1 else "devices"


def plain_name(device_id: str) -> str | None:
    """Return a device's name for alerts; None if the identifier is no plain serial number."""
    if not _SERIAL.fullmatch(device_id):
        return None
    name = device_id.partition("-")[0] or device_id
    return None if _DIGITS.search(name) else name


def _text(lines: Sequence[str]) -> str:
    shown = [*lines[:_LINES], f"and {len(lines) - _LINES} more"] if len(lines) > _LINES else lines
    return "\n".join(shown)
