"""The number of days per request: as many as the owner allows and the endpoint accepts.

The endpoint's limit is not documented; it is learnt where a range is refused and a shorter one is
accepted. It is remembered for a month, as it can change and a refusal can be a fault.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.request import Request
from assets.framework.ingestion.session import Session
from givenergy.errors import GivEnergyError
from givenergy.server_clock import utc_now

_KEY = "longest_range_days"
_BODIES_KEY = "refused_bodies"
_REMEMBERED = timedelta(days=30)
# Lengths that are usual limits of spans.
_USUAL_DAYS = (180, 90, 31, 30, 14, 10, 7, 3, 1)
# What a request can be refused with for having a body, whatever its length.
_BODY_STATUSES = (400, 413)


class _Limit(msgspec.Struct):
    days: int
    at: datetime


def longest_range(session: Session, dataset: Dataset) -> int:
    """Return the number of days that one request for a dataset may cover."""
    if not dataset.takes_ranges:
        return 1
    known = session.longest_range_days
    if dataset.name not in known:
        limit = _limits(session.lake.state.get(session.state_name(_KEY))).get(dataset.name)
        is_recent = limit is not None and utc_now() - limit.at < _REMEMBERED
        learnt = limit.days if limit is not None and is_recent else session.range_days
        known[dataset.name] = min(session.range_days, learnt)
    return known[dataset.name]


def shorten_range(session: Session, dataset: Dataset, refused_days: int) -> None:
    """Record that a request for this many days was refused: later ones cover half as many."""
    _remember(session, dataset, min(longest_range(session, dataset), max(refused_days // 2, 1)))


def _remember(session: Session, dataset: Dataset, days: int) -> None:
    session.longest_range_days[dataset.name] = days

    def note(stored: object) -> object:
        limits = _limits(stored)
        return msgspec.to_builtins({**limits, dataset.name: _Limit(days, utc_now())})

    session.lake.state.update(session.state_name(_KEY), note)


class RefusedRanges:
    """The lengths of ranges that were refused and accepted in a run."""

    def __init__(self) -> None:
        # Lengths of refused ranges by subject, in days, until a shorter one is accepted.
        self._refused_days: dict[str, int] = {}
        self._longest_accepted_days = 0

    def refused(self, request: Request) -> None:
        """Record that a range is refused which can be shortened."""
        accepted = 0 if request.span is None else self._longest_accepted_days
        if request.days > accepted and not request.is_open:
            self._refused_days[request.subject] = request.days

    def give_up(self, request: Request) -> None:
        """Record that the shortest range is refused: the length is not the reason."""
        self._refused_days.pop(request.subject, None)

    def answered(self, request: Request) -> int:
        """Record a response; return the days of a longer range that is refused, or 0."""
        refused_days = self._refused_days.pop(request.subject, 0)
        self._longest_accepted_days = max(self._longest_accepted_days, request.days)
        return refused_days if request.days < refused_days else 0

    def shorter(self, request: Request) -> Request | None:
        """Return the first of the requests that replace a refused range; None for a single day.

        Of a span as long as one that was accepted, some days are too old, or faulty: its halves
        find them. Otherwise it can be too long.
        """
        is_too_long = request.days > self._longest_accepted_days or request.is_open
        if is_too_long or request.span is None or not (parts := request.split()):
            return request.shortest()
        return replace(parts[0], rest=parts[1:])


class RequestLearning:
    """What a run learns about the length of ranges, and about bodies that repeat the query."""

    def __init__(self, session: Session, dataset: Dataset) -> None:
        self._session = session
        self._dataset = dataset
        self._is_body_settled = False
        self._refused_with_body: set[str] = set()
        at = _times(session.lake.state.get(session.state_name(_BODIES_KEY))).get(dataset.name)
        self._refuses_bodies = at is not None and utc_now() - at < _REMEMBERED

    def to_send(self, request: Request) -> Request:
        """Return a request as the API is known to accept it."""
        drops_body = self._refuses_bodies and request.has_optional_body
        return request.without_body() if drops_body else request

    def refused(
        self, request: Request, error: GivEnergyError, *, is_shortest: bool
    ) -> Request | None:
        """Return a refused request without its body, if that can be the reason; None otherwise."""
        if is_shortest and request.is_body_optional and not request.has_optional_body:
            # Refused with and without it.
            self._is_body_settled = True
        if self._is_body_settled or not request.has_optional_body:
            return None
        self._refused_with_body.add(request.subject)
        is_reason = is_shortest or error.status in _BODY_STATUSES
        return replace(request.without_body(), rest=()) if is_reason else None

    def answered(self, request: Request, refused_days: int) -> None:
        """Learn from a response what was wrong with a refused request about the same subject.

        Args:
            request: The request.
            refused_days: Days of a longer one that is refused, or 0.
        """
        if request.has_optional_body:
            self._is_body_settled = True
        elif request.is_body_optional and request.subject in self._refused_with_body:
            # The longer one can have been refused for its body.
            refused_days = 0
            self._refused_with_body.clear()
            self._note_refused_body()
        if refused_days and request.span is not None:
            shorter = next((days for days in _USUAL_DAYS if days < refused_days), 1)
            longest = min(longest_range(self._session, self._dataset), shorter)
            _remember(self._session, self._dataset, longest)
        elif refused_days:
            shorten_range(self._session, self._dataset, refused_days)

    def _note_refused_body(self) -> None:
        self._refuses_bodies = True

        def note(stored: object) -> object:
            return msgspec.to_builtins({**_times(stored), self._dataset.name: utc_now()})

        self._session.lake.state.update(self._session.state_name(_BODIES_KEY), note)


def _times(stored: object) -> dict[str, datetime]:
    return msgspec.convert(stored or {}, dict[str, datetime])


def _limits(stored: Any) -> dict[str, _Limit]:
    """Return the learnt limits; those of earlier versions have no date and are learnt again."""
    dated = {name: each for name, each in (stored or {}).items() if isinstance(each, dict)}
    return msgspec.convert(dated, dict[str, _Limit])
