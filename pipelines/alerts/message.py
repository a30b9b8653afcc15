"""The text of an alert: what is missing, of which devices, of which days; in words of our own.

The API refuses notifications with e-mail addresses, telephone numbers or URLs, and whoever names a
device chose the name. So nothing that the API said is repeated, devices are named by serial number
only if that looks like one, months are written in letters (a date in figures looks like a telephone
number), and no word holds a dot.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.alerts.failure_kinds import describe_failure, describe_recovery
from pipelines.alerts.sent_alerts import DaysByDevice, Incidents
from pipelines.requested_ranges import Range

_LINES = 12
_NAMED = 3
_SERIAL = re.compile(r"[A-Za-z0-9-]{1,40}")
# Of a UUID the first part; a run of figures as long as this may be taken for a telephone number.
_FIGURES = re.compile(r"\d(?:-?\d){6}")


@dataclass(frozen=True, slots=True)
class Message:
    """A title and a text."""

    title: str
    body: str


TEST = Message("givlake: test message", "givlake sends its alerts here. Nothing is wrong")


def alert_message(started: Incidents) -> Message:
    """Say what is wrong."""
    lines = [describe_failure(failure) for failure in started.failures]
    lines += _describe_days(started.days, "missing")
    lines += [f"{name}{_of(ids)}: not fetched" for name, ids in sorted(started.snapshots.items())]
    return Message("givlake: data missing", _text([*lines, "Run givlake status for details"]))


def recovery_message(ended: Incidents) -> Message:
    """Say what is resolved."""
    lines = [describe_recovery(failure) for failure in ended.failures]
    lines += _describe_days(ended.days, "no longer missing")
    lines += [f"{name}{_of(ids)}: fetched again" for name, ids in sorted(ended.snapshots.items())]
    return Message("givlake: resolved", _text(lines))


def _describe_days(days: DaysByDevice, what: str) -> list[str]:
    lines = []
    for dataset, by_device in sorted(days.items()):
        ranges = [each for of_device in by_device.values() for each in of_device]
        number = sum((last - first).days + 1 for first, last in ranges)
        lines.append(
            f"{dataset}{_of(by_device)}: {number} device-day{'s' if number > 1 else ''} {what},"
            f" {_when(ranges)}"
        )
    return lines


def _when(ranges: Sequence[Range]) -> str:
    first, last = min(first for first, _ in ranges), max(last for _, last in ranges)
    return _day(first) if first == last else f"{_day(first)} to {_day(last)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b} {day.year}"


def _of(device_ids: Iterable[str]) -> str:
    """Name some devices; "" is the account and needs no name."""
    ids = sorted(device_id for device_id in device_ids if device_id)
    if not ids:
        return ""
    named = [name for device_id in ids if (name := plain_name(device_id))][:_NAMED]
    others = len(ids) - len(named)
    things = named + ([f"{others} {'more' if named else _devices(others)}"] if others else [])
    return f" of {' and '.join([', '.join(things[:-1]), things[-1]] if things[1:] else things)}"


def _devices(number: int) -> str:
    return "device" if number == 1 else "devices"


def plain_name(device_id: str) -> str | None:
    """Return the name by which an alert may call a device; None if it could be anything else."""
    if not _SERIAL.fullmatch(device_id):
        return None
    name = device_id.partition("-")[0] or device_id
    return None if _FIGURES.search(name) else name


def _text(lines: Sequence[str]) -> str:
    shown = [*lines[:_LINES], f"and {len(lines) - _LINES} more"] if len(lines) > _LINES else lines
    return "\n".join(shown)
