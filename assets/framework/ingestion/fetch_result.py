"""The result of a request."""

from dataclasses import dataclass, replace
from enum import StrEnum

from assets.framework.contract.request import Request
from givenergy.errors import GivEnergyError


class Outcome(StrEnum):
    """Outcome of a request and of the days that it covers."""

    FETCHED = "fetched"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    FORBIDDEN = "forbidden"
    GONE = "gone"
    IN_PROGRESS_ELSEWHERE = "elsewhere"
    SPLIT = "split"


# GONE is known to be out of reach, and what is in progress elsewhere is another process' task.
_FAILURES = (Outcome.FAILED, Outcome.INCOMPLETE, Outcome.FORBIDDEN)


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of one request.

    Attributes:
        request: The request; of one by day, for the days that the result is about.
        outcome: Outcome of the request.
        message: A sentence; empty if it was fetched.
        rows: Rows received.
        requests: Requests made, including failed attempts.
        bytes: Bytes received.
        request_s: Seconds until the responses arrived.
        follow_ups: Further requests to make.
        error: Error of the API or the connection, if any.
    """

    request: Request
    outcome: Outcome
    message: str = ""
    rows: int = 0
    requests: int = 0
    bytes: int = 0
    request_s: float = 0.0
    follow_ups: tuple[Request, ...] = ()
    error: GivEnergyError | None = None

    @property
    def is_failure(self) -> bool:
        """Whether the response is missing or incomplete."""
        return self.outcome in _FAILURES


def split_result(request: Request, *parts: Request) -> FetchResult:
    """Return the result of a request that others replace; those of a span follow one another."""
    if request.span is None or not parts:
        return FetchResult(request, Outcome.SPLIT, follow_ups=parts)
    first, *others = parts
    chain = replace(first, rest=(*first.rest, *others, *request.rest))
    return FetchResult(replace(request, rest=()), Outcome.SPLIT, follow_ups=(chain,))


class DatasetStoppedError(GivEnergyError):
    """The rest of a dataset is not requested in this run: it would be in vain."""


class AccessRevokedError(Exception):
    """Raised if a run ends early: no further request can succeed."""

    def __init__(self, error: GivEnergyError) -> None:
        super().__init__(str(error))
        self.error = error
