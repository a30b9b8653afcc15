"""The interface between the fetcher and its plans, `daily` and `snapshot`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from assets.framework.contract.request import Request
from assets.framework.ingestion.report import IngestionReport
from givenergy.models import Fetched


class RequestPlan(ABC):
    """The requests of a run.

    Attributes:
        retry_unavailable: Whether to request unavailable data as well.
        awaits_others: Whether the run waits for requests in progress in other processes.
        is_limited: Whether devices of the account that the dataset has data of are left out.
    """

    retry_unavailable: bool = False
    awaits_others: bool = False
    is_limited: bool = False

    @abstractmethod
    def batches(self, report: IngestionReport) -> Iterator[Iterable[Request]]:
        """Plan and count requests, batch by batch."""

    def answered_before(self) -> Collection[str]:
        """Return devices that responded in earlier runs, if relevant."""
        return ()

    def has_rows(self, device_id: str) -> bool:
        """Return whether the dataset has rows of a device, whose endpoint is therefore there."""
        return device_id in self.answered_before()

    def still_missing(
        self, requests: Sequence[Request], already_fetched: Callable[[Request], bool]
    ) -> list[Request]:
        """Return the requests in progress elsewhere that are still missing.

        Args:
            requests: Requests that another process was making.
            already_fetched: Returns whether the response is in the archive by now.
        """
        return [request for request in requests if not already_fetched(request)]

    def observe(self, request: Request, fetched: Fetched) -> None:  # noqa: B027 - optional
        """Record a response; called from several threads."""

    def finish(self) -> None:  # noqa: B027 - optional
        """Evaluate the responses of the run."""
