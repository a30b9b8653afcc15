"""What became of a request."""

from dataclasses import dataclass
from enum import StrEnum

from assets.framework.contract.request import Request
from givenergy import GivEnergyError


class Outcome(StrEnum):
    """What became of a request, and of the days that it covers."""

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
    """What became of one request.

    Attributes:
        request: the request; of one by day, for the days that the result is about.
        outcome: what became of it.
        message: a whole sentence, unless it was fetched.
        rows: rows received.
        requests: requests made, failed attempts of an answer that came in the end included.
        bytes: bytes received.
        request_s: seconds until the answers were there.
        follow_ups: what is to be requested by itself.
        error: why it was not fetched, if the API or the connection gave an error.
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
        """Whether it brought less than it should have."""
        return self.outcome in _FAILURES


class AccessRevokedError(Exception):
    """Nothing more can be fetched: the token, the plan or the scope does not allow it."""

    def __init__(self, error: GivEnergyError) -> None:
        super().__init__(str(error))
        self.error = error
