"""Interpret a refused request: does it concern the request, its device, or the account?

A refusal makes an `optional` dataset unavailable, and it is not requested again for some time. For
a dataset that makes many requests per device (`stops_when_refused`), a device that refuses several
in a row is skipped for the rest of the run, and the run stops if all devices refuse.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.request import Request
from assets.framework.ingestion.availability import Availability
from assets.framework.ingestion.fetch_result import AccessRevokedError, FetchResult, Outcome
from givenergy import ForbiddenError, NotFoundError
from givenergy.errors import MissingCapability
from warehouse import Lake

# A third party's lock closes single devices; a missing scope closes all. This many devices are
# requested before a refusal counts as one of the whole account.
_REFUSALS_UNTIL_STOP = 3
# A single day can be refused or unknown; a device is skipped after this many days in a row.
_REFUSALS_UNTIL_CLOSED = 3


class Refusals:
    """The refusals of one run; for use by several threads.

    Attributes:
        has_answered: Whether a device is known to have ever responded.
    """

    def __init__(
        self,
        lake: Lake,
        dataset: Dataset,
        answered_before: Collection[str],
        *,
        retry: bool,
        unavailable: list[str],
    ) -> None:
        """Start with the state of earlier runs.

        Args:
            lake: The data folder, which records what is unavailable.
            dataset: Dataset that is requested.
            answered_before: Devices that responded in earlier runs.
            retry: Whether to request what was unavailable as well.
            unavailable: List to which the reasons are added, each once.
        """
        self.has_answered = bool(answered_before)
        self._unavailable = unavailable
        self._dataset = dataset
        self._answered_before = answered_before
        self._retry = retry
        self._now = datetime.now(UTC)
        self._availability = Availability(lake, dataset.name)
        self._in_a_row: Counter[str] = Counter()
        self._closed: dict[str, FetchResult] = {}
        self._answering: set[str] = set()
        self._not_found: list[FetchResult] = []
        self._forbidden: ForbiddenError | None = None

    def allows(self, request: Request) -> bool:
        """Return whether a request can succeed, as far as availability is known."""
        why = None if self._retry else self._availability.why(request.subject, self._now)
        if why is not None:
            self._note_unavailable(why)
        return why is None

    def of_closed_device(self, request: Request) -> FetchResult | None:
        """Return the result of a request to a skipped device; None if it is not skipped."""
        closed = self._closed.get(request.device_id)
        return closed and FetchResult(request, closed.outcome, closed.message)

    def answered(self, request: Request) -> None:
        """Record a response."""
        self.has_answered = True
        self._answering.add(request.device_id)
        self._in_a_row.pop(request.device_id, None)
        self._availability.forget(request.subject)

    def refused(
        self, request: Request, error: NotFoundError | ForbiddenError
    ) -> FetchResult | None:
        """Record a refusal; return its result, or None if it is only known at the end.

        Raises:
            AccessRevokedError: If the whole account is refused.
        """
        # A device that responded before has the endpoint: it is requested again like any other.
        lost = (
            error.missing_capability is MissingCapability.RESOURCE
            and request.device_id in self._answered_before
        )
        if self._dataset.optional and not lost:
            return self._lacking(request, error)
        not_found = isinstance(error, NotFoundError)
        outcome = Outcome.GONE if not_found else Outcome.FORBIDDEN
        result = FetchResult(request, outcome, str(error), requests=1, error=error)
        if not self._dataset.stops_when_refused:
            return result
        if isinstance(error, ForbiddenError):
            self._forbidden = error
        else:
            self._not_found.append(result)
        self._in_a_row[request.device_id] += 1
        if (
            error.missing_capability is MissingCapability.ENDPOINT
            or self._in_a_row[request.device_id] >= _REFUSALS_UNTIL_CLOSED
        ):
            self._closed[request.device_id] = result
        if not_found:
            return None
        outcomes = [closed.outcome for closed in list(self._closed.values())]
        if not self.has_answered and outcomes.count(Outcome.FORBIDDEN) >= _REFUSALS_UNTIL_STOP:
            raise AccessRevokedError(error) from error
        return result

    def settle(self) -> Iterator[FetchResult]:
        """Distinguish devices that are gone from days that an existing device does not have.

        Raises:
            AccessRevokedError: If there were refusals and no response.
        """
        for result in self._not_found:
            device_id = result.request.device_id
            exists = device_id in self._answering and device_id not in self._closed
            yield replace(result, outcome=Outcome.FAILED) if exists else result
        if self._forbidden is not None and not self.has_answered:
            raise AccessRevokedError(self._forbidden)

    def _lacking(self, request: Request, error: NotFoundError | ForbiddenError) -> FetchResult:
        # A token without the scope is refused for every device. If the response does not say which
        # it is, a single accepted device shows that the scope is not missing.
        everywhere = error.missing_capability is MissingCapability.ENDPOINT or (
            error.missing_capability is MissingCapability.UNCLEAR and not self.has_answered
        )
        subject = "" if everywhere else request.subject
        why = self._availability.note(subject, str(error), self._now)
        self._note_unavailable(why)
        return FetchResult(request, Outcome.GONE, why, requests=1)

    def _note_unavailable(self, why: str) -> None:
        if why not in self._unavailable:
            self._unavailable.append(why)
