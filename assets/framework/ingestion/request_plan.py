"""What a run is to request; how a plan is made is the business of `daily` and `snapshot`."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from assets.framework.contract.request import Request
from assets.framework.ingestion.report import IngestionReport
from givenergy import Fetched


class RequestPlan:
    """What a run is to request.

    Attributes:
        retry_unavailable: whether to request what the account lacked lately.
        awaits_others: whether the run lasts until other processes have fetched what they are
            fetching.
    """

    retry_unavailable: bool = False
    awaits_others: bool = False

    def batches(self, report: IngestionReport) -> Iterator[Iterable[Request]]:
        """Plan requests, a batch when the one before it has been taken up; count them."""
        raise NotImplementedError

    def answered_before(self) -> Collection[str]:
        """Return devices that have answered in earlier runs, if it makes a difference."""
        return ()

    def still_missing(self, requests: Sequence[Request]) -> list[Request]:
        """Return what another process, which was fetching it, has not fetched yet."""
        return []

    def observe(self, request: Request, fetched: Fetched) -> None:
        """Note an answer; called from several threads."""

    def finish(self) -> None:
        """Note what the answers of the run tell."""
