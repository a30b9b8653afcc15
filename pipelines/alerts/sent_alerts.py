"""What the owner has been told, kept in the data folder, and what is new or over since.

A cause is a kind of trouble, a run of days of one device and dataset, or one device of what is
asked for as it stands now. Days that join a run of which something is still missing are the same
cause: an outage of a week is told once. Only what was told is kept, so that what could not be sent
is due again.
"""

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from pipelines.alerts.missing_days import Missing, MissingDays
from pipelines.requested_ranges import Range
from warehouse import Lake

_KEY = "sent_alerts"

DaysByDevice = dict[str, dict[str, list[Range]]]  # by dataset, then device


class SentAlerts(msgspec.Struct, rename={"asked": "snapshots", "troubles": "failure_kinds"}):
    """What was told and is not over, as it is stored.

    Attributes:
        days: ranges of days by dataset and device.
        asked: devices by dataset.
        troubles: since when, UTC, by kind.
    """

    days: DaysByDevice = {}
    asked: dict[str, list[str]] = {}
    troubles: dict[str, datetime] = {}


@dataclass(slots=True)
class News:
    """What began, or what is over: days and devices by dataset, and kinds of trouble."""

    days: DaysByDevice = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.days or self.asked or self.troubles)


def read(lake: Lake) -> SentAlerts:
    """Give what was told."""
    return msgspec.convert(lake.state.get(_KEY) or {}, SentAlerts)


def write(lake: Lake, ledger: SentAlerts) -> None:
    """Keep what was told."""
    lake.state.set(_KEY, msgspec.to_builtins(ledger))


@dataclass(slots=True)
class Changes:
    """What began, what is over, and the days that were told of and go on, as they stand now."""

    began: News = field(default_factory=News)
    over: News = field(default_factory=News)
    going_on: DaysByDevice = field(default_factory=dict)

    def applied(self, told: SentAlerts, *, began: bool, over: bool, now: datetime) -> SentAlerts:
        """Give what has been told, if the owner heard of what `began` or of what is `over`."""
        after = SentAlerts(
            days={name: dict(of) for name, of in self.going_on.items()},
            asked={name: list(ids) for name, ids in told.asked.items()},
            troubles=dict(told.troubles),
        )
        for news in ([self.began] if began else []) + ([] if over else [self.over]):
            for dataset, of_dataset in news.days.items():
                for device_id, ranges in of_dataset.items():
                    of_device = after.days.setdefault(dataset, {})
                    of_device[device_id] = sorted([*of_device.get(device_id, []), *ranges])
        if began:
            for dataset, ids in self.began.asked.items():
                after.asked[dataset] = sorted({*after.asked.get(dataset, []), *ids})
            after.troubles |= dict.fromkeys(self.began.troubles, now)
        if over:
            for dataset, ids in self.over.asked.items():
                after.asked[dataset] = sorted({*after.asked[dataset]} - {*ids})
            for trouble in self.over.troubles:
                after.troubles.pop(trouble)
        after.asked = {name: ids for name, ids in after.asked.items() if ids}
        return after


def compare(told: SentAlerts, found: Missing, *, unasked: bool) -> Changes:
    """Compare what was told with what is missing now.

    Args:
        told: what was told.
        found: what is missing.
        unasked: whether to tell as well of what nobody asked for although it was wanted.
    """
    changes = Changes()
    for dataset in told.days.keys() | found.days.keys():
        known_days, now_days = told.days.get(dataset, {}), found.days.get(dataset, {})
        for device_id in known_days.keys() | now_days.keys():
            known, gaps = known_days.get(device_id, []), now_days.get(device_id, [])
            if dataset not in found.looked_at:
                changes.going_on.setdefault(dataset, {})[device_id] = known
                continue
            for hole in gaps:
                if any(_overlap(one, hole) for one in known):
                    place = changes.going_on
                elif hole.wrong or unasked:
                    place = changes.began.days
                else:
                    continue
                of_device = place.setdefault(dataset, {}).setdefault(device_id, [])
                of_device.append((hole.first, hole.last))
            if ended := [one for one in known if not any(_overlap(one, hole) for hole in gaps)]:
                changes.over.days.setdefault(dataset, {})[device_id] = ended
    for dataset in found.looked_at:
        known_ids, now_ids = set(told.asked.get(dataset, [])), found.asked.get(dataset, {})
        worth = {device_id for device_id, wrong in now_ids.items() if wrong or unasked}
        if new := worth - known_ids:
            changes.began.asked[dataset] = sorted(new)
        if ended_ids := known_ids - now_ids.keys():
            changes.over.asked[dataset] = sorted(ended_ids)
    return changes


def _overlap(one: Range, hole: MissingDays) -> bool:
    return one[0] <= hole.last and hole.first <= one[1]
