"""Remember what the API has refused: endpoints, scopes and devices that an account lacks.

One refusal proves little: it is asked for again by the next command. It is believed once the API
has refused again an hour or more later. Then it is requested daily, as plans and tokens change; an
endpoint that refuses every range weekly. A response in between clears it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from givenergy import utc_now
from warehouse import Lake

_KEY = "unavailable"
# Refusals this far apart are not one fault of the API.
CONFIRMED_AFTER = timedelta(hours=1)
# A little less than the period, so that a run that began late does not put the next one off.
_DAILY = timedelta(hours=20)
_WEEKLY = timedelta(days=6, hours=12)


class Refusal(msgspec.Struct, frozen=True):
    """What the API has refused, without a response since.

    Attributes:
        why: What it said.
        at: When it last refused, UTC.
        since: When it first refused, UTC; None: unknown, in a folder of an earlier version.
        weekly: Whether it is requested weekly instead of daily.
    """

    why: str
    at: datetime
    since: datetime | None = None
    weekly: bool = False

    @property
    def is_confirmed(self) -> bool:
        """Whether it was refused at two different times."""
        return self.since is not None and self.at - self.since >= CONFIRMED_AFTER

    @property
    def asked_again_at(self) -> datetime:
        """When it is requested again; a refusal that is not confirmed by the next command."""
        if not self.is_confirmed:
            return self.at
        return self.at + (_WEEKLY if self.weekly else _DAILY)

    @property
    def timeline(self) -> str:
        """Since when, when last, and when it is requested again."""
        if not self.is_confirmed:
            return f"refused {_minute(self.since or self.at)}, asked again by the next command"
        return (
            f"refused since {_minute(self.since or self.at)}, last asked {_minute(self.at)}, asked"
            f" again after {_minute(self.asked_again_at)}"
        )

    def __str__(self) -> str:
        return f"{self.why} ({self.timeline})"


def _refusals(stored: Any) -> dict[str, dict[str, Refusal]]:
    return msgspec.convert(stored or {}, dict[str, dict[str, Refusal]])


class Availability:
    """What is refused of a dataset, by subject: a device or part; "" stands for the dataset."""

    def __init__(self, lake: Lake, dataset: str) -> None:
        self._lake = lake
        self._dataset = dataset
        self._known = _refusals(lake.state.get(_KEY)).get(dataset, {})

    def why(self, subject: str, now: datetime) -> str | None:
        """Return why a subject is unavailable; None if it is requested."""
        for key in ("", subject):
            refusal = self._known.get(key)
            if refusal is not None and now < refusal.asked_again_at:
                return str(refusal)
        return None

    def is_refused(self, *subjects: str) -> bool:
        """Return whether one of some subjects was refused when it was last requested."""
        return not self._known.keys().isdisjoint(subjects)

    def was_refused_before(self) -> bool:
        """Return whether a refusal now confirms that of the whole dataset."""
        refusal = self._known.get("")
        return refusal is not None and msgspec.structs.replace(refusal, at=utc_now()).is_confirmed

    def closed(self, now: datetime) -> dict[str, Refusal]:
        """Return what refuses every range and is not requested now, by subject."""
        known = self._known.items()
        return {key: each for key, each in known if each.weekly and now < each.asked_again_at}

    def note(self, subject: str, why: str, *, weekly: bool = False) -> Refusal:
        """Record that a subject, or the dataset (""), is refused; return what is known of it."""
        before, now = self._known.get(subject), utc_now()
        since = now if before is None else before.since or before.at
        refusal = Refusal(why, now, since, weekly)

        def add(stored: object) -> object:
            refusals = _refusals(stored)
            refusals.setdefault(self._dataset, {})[subject] = refusal
            return msgspec.to_builtins(refusals)

        self._known = {**self._known, subject: refusal}
        self._lake.state.update(_KEY, add)
        return refusal

    def forget(self, subject: str) -> None:
        """Record that a subject's data is available again."""
        if not self.is_refused("", subject):
            return

        def remove(stored: object) -> object:
            refusals = _refusals(stored)
            for key in ("", subject):
                refusals.get(self._dataset, {}).pop(key, None)
            return msgspec.to_builtins(refusals)

        self._known = {k: v for k, v in self._known.items() if k not in ("", subject)}
        self._lake.state.update(_KEY, remove)


def unavailable(lake: Lake) -> dict[str, dict[str, Refusal]]:
    """Return what is refused, by dataset and subject ("" is the whole dataset)."""
    return {name: known for name, known in _refusals(lake.state.get(_KEY)).items() if known}


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
