"""Interpret refused requests: does it concern the request, its device, the endpoint, the account?

A refusal makes an `optional` dataset, or what it refuses of it, unavailable (see `availability`).
Any dataset is stopped for the rest of the run if it has spent several requests without a response,
if several devices refuse even their shortest range, or if something else than the API answers. For
a dataset that makes many requests per device (`stops_when_refused`), a device that refuses several
in a row is skipped, and the run stops if all devices refuse.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.request import NOTHING_STATUSES, Request
from assets.framework.ingestion.availability import Availability, Reason, Refusal, reason_of
from assets.framework.ingestion.fetch_result import (
    AccessRevokedError,
    DatasetStoppedError,
    FetchResult,
    Outcome,
)
from assets.framework.ingestion.range_limits import RefusedRanges
from assets.framework.ingestion.request_plan import RequestPlan
from assets.framework.ingestion.skipped_subjects import SkippedSubjects
from givenergy.errors import (
    ForbiddenError,
    ForeignAnswerError,
    GivEnergyError,
    MissingCapability,
    NotFoundError,
)
from givenergy.server_clock import utc_now
from warehouse.coverage import day_is_over_at

# Requests, retries included, that may reach the API in a dataset's run without a single response.
MOST_WITHOUT_RESPONSE = 12
# A third party's lock closes single devices; a missing scope closes all. This many devices are
# requested before a refusal counts as one of the whole account or endpoint.
_REFUSALS_UNTIL_STOP = 3
# The API may refuse a day that is older than this because the device has none of that time.
_TELLING_AGE = timedelta(days=31)


class Refusals:
    """The refusals of one run; for use by several threads.

    Attributes:
        has_answered: Whether any request of this run was answered.
        stopped: Why no further request is made, if so.
    """

    def __init__(
        self,
        availability: Availability,
        dataset: Dataset,
        plan: RequestPlan,
        *,
        retry: bool,
        unavailable: list[str],
    ) -> None:
        """Start with the state of earlier runs.

        Args:
            availability: What is unavailable of the dataset, which is brought up to date.
            dataset: Dataset that is requested.
            plan: The plan of the requests, which knows of earlier responses.
            retry: Whether to request what was unavailable as well.
            unavailable: List to which the reasons are added, each once.
        """
        self.has_answered = False
        self.stopped: DatasetStoppedError | None = None
        self._unavailable = unavailable
        self._dataset = dataset
        self._plan = plan
        self._answered_before = plan.answered_before()
        self._retry = retry
        self._now = utc_now()
        self._availability = availability
        self._lock = threading.Lock()
        self._spent = 0
        self._skipped = SkippedSubjects()
        self._answering: set[str] = set()
        self._not_found: list[FetchResult] = []
        self._forbidden: ForbiddenError | None = None
        # Devices that refuse without saying whether they or the endpoint are the reason.
        self._unclear: set[str] = set()
        # Subjects and days that were refused in this run.
        self._refusing: set[str | date] = set()
        self._unclear_reason: tuple[Reason, bool] = Reason(""), False
        self._has_failed = False
        self.ranges = RefusedRanges()
        self._is_range_refused = False
        # The rest of ranges of which the shortest part is refused, by lease.
        self._given_up: dict[str, FetchResult] = {}
        self._everywhere: Refusal | None = None
        if dataset.stops_when_refused and not retry:
            for subject, refusal in self._availability.closed(self._now).items():
                if subject == "":
                    self._stop(str(refusal))
                self._skipped.skip(subject, FetchResult(Request(), Outcome.FAILED, str(refusal)))

    @property
    def attempts_left(self) -> int | None:
        """Attempts that the next request may take; None for no such limit."""
        return None if self.has_answered else max(1, MOST_WITHOUT_RESPONSE - self._spent)

    def doubts_range(self, request: Request) -> bool:
        """Return whether to ask for the shortest range first, as refusals only came of late."""
        if request.span is not None and self._skipped.in_a_row[request.subject]:
            return True
        return self._is_range_refused and not (self.has_answered or request.is_without_body)

    def allows(self, request: Request) -> bool:
        """Return whether a request can succeed, as far as availability is known."""
        if self._everywhere is not None:
            return False
        if self._retry or request.day_range is not None:
            return True
        if (why := self._availability.why(request.subject, self._now)) is not None:
            self._note_unavailable(why)
        return why is None

    def is_doubtful(self, request: Request) -> bool:
        """Return whether to make a request after those of other devices and days.

        Until a request is answered, they show soonest what the reason of a refusal is.
        """
        return bool(self._refusing & request.subject_and_day) and not self.has_answered

    def was_refused_last_time(self, request: Request) -> bool:
        """Return whether a request was refused the last time, or is doubtful: it is made last."""
        if self.has_answered:
            return False
        return self.is_doubtful(request) or self._availability.is_refused(request.subject)

    def has_given_up(self, request: Request) -> bool:
        """Return whether nothing that follows the request is to be made in this run."""
        return self._everywhere is not None or self._skipped.get(request.subject) is not None

    def accepts(self, request: Request) -> bool:
        """Return whether another request about the same subject was answered in this run."""
        return request.subject in self._answering

    def of_closed(self, request: Request) -> FetchResult | None:
        """Return the result of a request about a skipped subject; None if it is not skipped."""
        closed = self._skipped.get(request.subject) or self._given_up.get(request.lease_keys[0])
        return closed and FetchResult(request, closed.outcome, closed.message)

    def answered(self, request: Request) -> int:
        """Record a response; return the days of a longer range that is refused, or 0."""
        self.has_answered = True
        self._answering.add(request.subject)
        self._skipped.answered(request.subject)
        self._availability.forget(request.subject)
        self._availability.forget_too_old(request)
        return self.ranges.answered(request)

    def failed(self, request: Request, error: GivEnergyError) -> FetchResult:
        """Record a request that failed for a reason that may be temporary; return its result."""
        self._spend(error)
        self._has_failed = True
        if isinstance(error, ForeignAnswerError):
            # Every further request of this run would fail in the same way.
            self._stop(str(error))
        return FetchResult(
            request, Outcome.FAILED, str(error), requests=error.attempts, error=error
        )

    def refused(self, request: Request, error: GivEnergyError) -> FetchResult | None:
        """Record a refusal; return its result, or None if it is only known at the end.

        Raises:
            AccessRevokedError: If the whole account is refused.
        """
        if request.may_lack and error.status in NOTHING_STATUSES:
            return FetchResult(request, Outcome.GONE, str(error), requests=1)
        self._spend(error)
        # A device that responded before has the endpoint: it is requested again like any other.
        lost = (
            error.missing_capability is MissingCapability.RESOURCE
            and request.device_id in self._answered_before
            and not request.part
        )
        if self._dataset.optional and not lost:
            return self._lacking(request, error)
        by_day = self._dataset.stops_when_refused
        outcome = Outcome.FORBIDDEN if isinstance(error, ForbiddenError) else Outcome.FAILED
        endpoint = error.missing_capability is MissingCapability.ENDPOINT
        not_found = isinstance(error, NotFoundError) and bool(request.device_id) and not endpoint
        if not_found and not self.accepts(request):
            # A device is gone once it is not found again at another time.
            refusal = self._availability.note(request.subject, Reason(str(error)))
            outcome = Outcome.GONE if refusal.is_confirmed else Outcome.FAILED
        result = FetchResult(request, outcome, str(error), requests=1, error=error)
        if not by_day:
            return result
        if isinstance(error, ForbiddenError):
            self._forbidden = error
        else:
            self._not_found.append(result)
        self._skipped.refused(request.subject, result, at_once=endpoint)
        if not isinstance(error, ForbiddenError):
            if endpoint and not self.has_answered:
                self._stop(str(self._availability.note("", Reason(str(error)))))
            return None
        if not (self.has_answered or self._answered_before) and (
            self._skipped.number_with(Outcome.FORBIDDEN) >= _REFUSALS_UNTIL_STOP
        ):
            raise AccessRevokedError(error) from error
        return result

    def refused_range(self, request: Request, error: GivEnergyError) -> None:
        """Record that a range is refused which can be shortened."""
        self._spend(error)
        self._is_range_refused = True
        self.ranges.refused(request)

    def refused_at_any_length(self, request: Request, error: GivEnergyError) -> FetchResult:
        """Record that a request is refused which cannot be shortened; return its result.

        What it is part of is given up. Its subject is skipped for the rest of the run: if it is
        requested by day, after several in a row, as a day can be refused because it is not over.
        Nothing is concluded for later runs from a day that is not over or long past, nor of a
        device that has rows; but a part of a device, such as a preset, can be refused by itself.
        """
        if request.may_lack and error.status in NOTHING_STATUSES:
            return FetchResult(request, Outcome.GONE, str(error), requests=1)
        self._spend(error)
        result = FetchResult(request, Outcome.FAILED, str(error), requests=1, error=error)
        self._is_range_refused = True
        self.ranges.give_up(request)
        # A device can lack single days: of a span, the oldest part is requested all the same.
        given_up = request.rest if request.span is None else request.rest[:-1]
        self._given_up.update((rest.lease_keys[0], result) for rest in given_up)
        self._skipped.refused(request.subject, result)
        days = request.day_range
        self._refusing |= request.subject_and_day
        if days is not None:
            age = self._now - day_is_over_at(days.last, None)
            if not timedelta() < age < _TELLING_AGE:
                return result
        if self.accepts(request) and request.span is not None and not request.is_open:
            if self._skipped.in_a_row[request.subject] == 1:
                refusal = self._availability.note_too_old(request, error)
                self._note_unavailable(f"{request.subject}: {refusal}")
            return replace(result, outcome=Outcome.GONE)
        is_part = bool(request.part) and request.span is None
        has_rows = self._plan.has_rows(request.device_id)
        if self.accepts(request) or (has_rows and not is_part):
            return result
        was_refused = self._availability.was_refused_before()
        reason = Reason(str(error))
        refusal = self._availability.note(request.subject, reason, weekly=True)
        if self._dataset.optional and (refusal.is_confirmed or was_refused):
            self._note_unavailable(str(refusal))
            result = replace(result, outcome=Outcome.GONE, message=str(refusal))
        if days is None:
            self._skipped.skip(request.subject, result)
        if not has_rows:
            self._note_unclear(request, reason, weekly=True)
        return result

    def settle(self) -> Iterator[FetchResult]:
        """Distinguish devices that are gone from days that an existing device does not have.

        Raises:
            AccessRevokedError: If there were refusals and no response.
        """
        for result in self._not_found:
            subject = result.request.subject
            exists = subject in self._answering and self._skipped.get(subject) is None
            yield replace(result, outcome=Outcome.FAILED) if exists else result
        is_proof_open = self.has_answered or self._has_failed or self._plan.is_limited
        if self._unclear and not (is_proof_open or self.stopped):
            # Fewer devices than prove it, but all there are.
            self._refuse_everywhere()
        if self._forbidden is not None and not (self.has_answered or self._answered_before):
            raise AccessRevokedError(self._forbidden)

    def _spend(self, error: GivEnergyError) -> None:
        with self._lock:
            self._spent += max(1, error.attempts)
            if not self.has_answered and self._spent >= MOST_WITHOUT_RESPONSE:
                self._stop(f"{self._spent} requests without a response; the last: {error}")

    def _stop(self, why: str) -> None:
        self.stopped = self.stopped or DatasetStoppedError(f"{self._dataset.name}: {why}")

    def _lacking(self, request: Request, error: GivEnergyError) -> FetchResult:
        reason = reason_of(error, request, self._dataset.endpoint)
        if error.missing_capability is MissingCapability.ENDPOINT:
            self._everywhere = refusal = self._availability.note("", reason)
        else:
            refusal = self._availability.note(request.subject, reason)
            result = FetchResult(request, Outcome.GONE, str(refusal))
            self._skipped.refused(request.subject, result)
            unclear = error.missing_capability is MissingCapability.UNCLEAR
            if unclear or not self._dataset.tries_devices:
                self._note_unclear(request, reason, weekly=False)
            self._has_failed |= not unclear
        self._note_unavailable(str(refusal))
        return FetchResult(request, Outcome.GONE, str(refusal), requests=1)

    def _note_unclear(self, request: Request, reason: Reason, *, weekly: bool) -> None:
        """Note a refusal that can be the device's or the endpoint's.

        A missing scope is refused for every device. If the response does not say which it is, a
        single accepted device shows that the scope is not missing.
        """
        with self._lock:
            self._unclear.add(request.device_id)
            self._unclear_reason = reason, weekly
            if not self.has_answered and len(self._unclear) >= _REFUSALS_UNTIL_STOP:
                self._refuse_everywhere()

    def _refuse_everywhere(self) -> None:
        if self._everywhere is not None:
            return
        reason, weekly = self._unclear_reason
        self._everywhere = refusal = self._availability.note("", reason, weekly=weekly)
        self._note_unavailable(str(refusal))
        if weekly and not (self._dataset.optional and refusal.is_confirmed):
            self._stop(f"all devices that were asked refuse it, whatever the range. {refusal}")

    def _note_unavailable(self, why: str) -> None:
        if why not in self._unavailable:
            self._unavailable.append(why)
