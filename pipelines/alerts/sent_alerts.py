"""The alerts sent so far, kept in the data folder, and what has started or ended since.

A cause is a kind of failure, a range of days of one device and dataset, or one device of a snapshot
dataset. Days that extend a range that is still incomplete are the same cause: an outage of days
is one alert. Only delivered alerts are stored, so that an undelivered alert is sent later.
"""

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from assets.framework.contract.day_range import Range
from pipelines.alerts.overdue import Overdue
from warehouse.coverage import Gap
from warehouse.lake import Lake

_KEY = "sent_alerts"

DaysByDevice = dict[str, dict[str, list[Range]]]  # by dataset, then device


class SentAlerts(msgspec.Struct):
    """Alerts that were sent and have not ended.

    Attributes:
        days: Ranges of days by dataset and device.
        snapshots: Devices by snapshot dataset.
        failures: When each kind of failure was sent, UTC.
    """

    days: DaysByDevice = {}
    snapshots: dict[str, list[str]] = {}
    failures: dict[str, datetime] = {}


@dataclass(slots=True)
class Incidents:
    """Causes: days and devices by dataset, and kinds of failure."""

    days: DaysByDevice = field(default_factory=dict)
    snapshots: dict[str, list[str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.days or self.snapshots or self.failures)


def read(lake: Lake) -> SentAlerts:
    """Return the alerts sent so far."""
    return msgspec.convert(lake.state.get(_KEY) or {}, SentAlerts)


def write(lake: Lake, sent: SentAlerts) -> None:
    """Store the alerts sent so far."""
    lake.state.set(_KEY, msgspec.to_builtins(sent))


@dataclass(slots=True)
class Changes:
    """Incidents that have started or ended, and the days of sent alerts that are still missing."""

    started: Incidents = field(default_factory=Incidents)
    ended: Incidents = field(default_factory=Incidents)
    ongoing: DaysByDevice = field(default_factory=dict)

    def applied(self, sent: SentAlerts, *, started: bool, ended: bool, now: datetime) -> SentAlerts:
        """Return the sent alerts after a message on what `started` or on what `ended` was sent."""
        after = SentAlerts(
            days={name: dict(by_device) for name, by_device in self.ongoing.items()},
            snapshots={name: list(ids) for name, ids in sent.snapshots.items()},
            failures=dict(sent.failures),
        )
        unresolved = ([self.started] if started else []) + ([] if ended else [self.ended])
        for incidents in unresolved:
            for dataset, by_device in incidents.days.items():
                for device_id, ranges in by_device.items():
                    known = after.days.setdefault(dataset, {})
                    known[device_id] = sorted([*known.get(device_id, []), *ranges])
        if started:
            for dataset, ids in self.started.snapshots.items():
                after.snapshots[dataset] = sorted({*after.snapshots.get(dataset, []), *ids})
            after.failures |= dict.fromkeys(self.started.failures, now)
        if ended:
            for dataset, ids in self.ended.snapshots.items():
                after.snapshots[dataset] = sorted({*after.snapshots[dataset]} - {*ids})
            for failure in self.ended.failures:
                after.failures.pop(failure)
        after.snapshots = {name: ids for name, ids in after.snapshots.items() if ids}
        return after


def compare(sent: SentAlerts, overdue: Overdue, *, unrequested: bool) -> Changes:
    """Compare the alerts sent so far with the data that are overdue now.

    Args:
        sent: The alerts sent so far.
        overdue: The overdue data.
        unrequested: Whether data for which no request was made start an alert too.
    """
    changes = Changes()
    for dataset in sent.days.keys() | overdue.days.keys():
        sent_days, overdue_days = sent.days.get(dataset, {}), overdue.days.get(dataset, {})
        for device_id in sent_days.keys() | overdue_days.keys():
            known, gaps = sent_days.get(device_id, []), overdue_days.get(device_id, [])
            if dataset not in overdue.checked:
                changes.ongoing.setdefault(dataset, {})[device_id] = known
                continue
            for gap in gaps:
                if any(_overlap(days, gap) for days in known):
                    target = changes.ongoing
                elif gap.is_unsuccessful or unrequested:
                    target = changes.started.days
                else:
                    continue
                of_device = target.setdefault(dataset, {}).setdefault(device_id, [])
                of_device.append((gap.first, gap.last))
            if ended := [days for days in known if not any(_overlap(days, gap) for gap in gaps)]:
                changes.ended.days.setdefault(dataset, {})[device_id] = ended
    for dataset in overdue.checked:
        sent_ids = set(sent.snapshots.get(dataset, []))
        overdue_ids = overdue.snapshots.get(dataset, {})
        due = {device for device, failed in overdue_ids.items() if failed or unrequested}
        if new := due - sent_ids:
            changes.started.snapshots[dataset] = sorted(new)
        if ended_ids := sent_ids - overdue_ids.keys():
            changes.ended.snapshots[dataset] = sorted(ended_ids)
    return changes


def _overlap(days: Range, gap: Gap) -> bool:
    return days[0] <= gap.last and gap.first <= days[1]
