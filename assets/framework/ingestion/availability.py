"""Remember what the API has refused: endpoints, scopes and devices that an account lacks.

One refusal proves little: it is asked for again by the next command. It is believed once the API
has refused again an hour or more later. Then it is requested daily, as plans and tokens change, or
weekly if the account lacks it or the endpoint refuses every range. A response in between clears
it.
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from assets.framework.contract.request import Request
from givenergy.endpoints.definition import Endpoint
from givenergy.errors import ForbiddenError, GivEnergyError, MissingCapability, NotFoundError
from givenergy.server_clock import utc_now
from warehouse.lake import Lake

if TYPE_CHECKING:
    from assets.framework.ingestion.session import Session

# Where it is stored; what another API refuses has a name of its own (`Session.state_name`).
UNAVAILABLE = "unavailable"
# Refusals this far apart are not one fault of the API.
CONFIRMED_AFTER = timedelta(hours=1)
# A little less than the period, so that a run that began late does not put the next one off.
_DAILY = timedelta(hours=20)
_WEEKLY = timedelta(days=6, hours=12)
# Types of account that owners have: where another is needed, a scope alone does not help.
_OWNERS_ACCOUNTS = ("any", "customer")


class Cause(StrEnum):
    """What is the reason of a refusal, which shows who can do something about it."""

    NOT_OFFERED = "not_offered"
    """The account, or its devices, lack it: there is nothing to do."""
    SCOPE = "scope"
    """The token lacks a scope, which the owner can add."""
    PROBE = "probe"
    """A device that is not of the kind that has it, as was to be expected."""
    OTHER = "other"
    """Anything else; what the API said shows more."""


class Reason(NamedTuple):
    """Why something is refused.

    Attributes:
        why: What the API said.
        cause: What the reason is.
        scope: The scopes that the token lacks, separated by spaces.
    """

    why: str
    cause: Cause = Cause.OTHER
    scope: str = ""


def reason_of(error: GivEnergyError, request: Request, endpoint: Endpoint) -> Reason:
    """Return the reason of a refused request for something that an account can lack."""
    if isinstance(error, ForbiddenError):
        if endpoint.account_type in _OWNERS_ACCOUNTS:
            return Reason(str(error), Cause.SCOPE, endpoint.scope)
    elif not (
        isinstance(error, NotFoundError) or error.missing_capability is MissingCapability.ENDPOINT
    ):
        return Reason(str(error))
    if isinstance(error, ForbiddenError):
        why = (
            f"The API permits it to accounts of type {endpoint.account_type} only, with the scope"
            f' {" and ".join(endpoint.scope.split())} ({error.status}: "{error.vendor_message}").'
        )
    else:
        # There is nothing to do about it, whatever the hint says.
        why = str(error).removesuffix(error.hint).strip()
    return Reason(why, Cause.PROBE if request.is_probe else Cause.NOT_OFFERED)


class Refusal(msgspec.Struct, frozen=True):
    """What the API has refused, without a response since.

    Attributes:
        why: What it said.
        at: When it last refused, UTC.
        since: When it first refused, UTC; None: unknown, in a folder of an earlier version.
        weekly: Whether the endpoint refuses every range: it is requested weekly instead of daily.
        cause: What the reason is.
        scope: The scopes that the token lacks, separated by spaces.
        until: The last day that is too old for the API; None: the refusal is not about old days.
    """

    why: str
    at: datetime
    since: datetime | None = None
    weekly: bool = False
    cause: Cause = Cause.OTHER
    scope: str = ""
    until: date | None = None

    @property
    def is_confirmed(self) -> bool:
        """Whether it was refused at two different times."""
        return self.since is not None and self.at - self.since >= CONFIRMED_AFTER

    @property
    def asked_again_at(self) -> datetime:
        """When it is requested again; a refusal that is not confirmed by the next command."""
        if not self.is_confirmed:
            return self.at
        return self.at + (_WEEKLY if self.weekly or self.cause is Cause.NOT_OFFERED else _DAILY)

    @property
    def timeline(self) -> str:
        """Since when, when last, and when it is requested again."""
        if not self.is_confirmed:
            return f"refused {minute_of(self.since or self.at)}, asked again by the next command"
        return (
            f"refused since {minute_of(self.since or self.at)}, last asked {minute_of(self.at)},"
            f" asked again after {minute_of(self.asked_again_at)}"
        )

    def __str__(self) -> str:
        return f"{self.why} ({self.timeline})"


def _refusals(stored: Any) -> dict[str, dict[str, Refusal]]:
    return msgspec.convert(stored or {}, dict[str, dict[str, Refusal]])


class Availability:
    """What is refused of a dataset, by subject: a device or part; "" stands for the dataset."""

    def __init__(self, lake: Lake, dataset: str, stored_as: str = UNAVAILABLE) -> None:
        self._lake = lake
        self._dataset = dataset
        self._stored_as = stored_as
        self._known = _refusals(lake.state.get(stored_as)).get(dataset, {})

    @classmethod
    def of_session(cls, session: "Session", dataset: str) -> Self:
        """Return what the API of a session refuses of a dataset."""
        return cls(session.lake, dataset, session.state_name(UNAVAILABLE))

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

    def is_too_old(self, request: Request, now: datetime) -> bool:
        """Return whether all days of a request are older than what the API keeps."""
        known = self._known.get(_history(request))
        if known is None or known.until is None or request.span is None:
            return False
        return request.span.last <= known.until and now < known.asked_again_at

    def note_too_old(self, request: Request, error: GivEnergyError) -> Refusal:
        """Record that the last day of a request is too old; return what is known of it."""
        until = None if request.span is None else request.span.last
        why = f"Nothing until {until}. {str(error).removesuffix(error.hint)}".strip()
        return self.note(_history(request), Reason(why), weekly=True, until=until)

    def note(
        self, subject: str, reason: Reason, *, weekly: bool = False, until: date | None = None
    ) -> Refusal:
        """Record that a subject, or the dataset (""), is refused; return what is known of it."""
        before, now = self._known.get(subject), utc_now()
        since = now if before is None else before.since or before.at
        if before is not None and before.until is not None and until is not None:
            until = max(before.until, until)
        refusal = Refusal(reason.why, now, since, weekly, reason.cause, reason.scope, until)

        def add(stored: object) -> object:
            refusals = _refusals(stored)
            refusals.setdefault(self._dataset, {})[subject] = refusal
            return msgspec.to_builtins(refusals)

        self._known = {**self._known, subject: refusal}
        self._lake.state.update(self._stored_as, add)
        return refusal

    def forget_too_old(self, request: Request) -> None:
        """Record that the API has answered a request, if it was believed to be too old."""
        known = self._known.get(_history(request))
        if known is None or known.until is None or request.span is None:
            return
        if request.span.first <= known.until:
            self.forget(_history(request))

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
        self._lake.state.update(self._stored_as, remove)


def unavailable(lake: Lake) -> dict[str, dict[str, Refusal]]:
    """Return what is refused, by dataset and subject ("" is the whole dataset)."""
    return {name: known for name, known in _refusals(lake.state.get(UNAVAILABLE)).items() if known}


def _history(request: Request) -> str:
    return f"{request.subject} history"


def minute_of(moment: datetime) -> str:
    """Return a time in UTC to the minute, as people read it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
