"""Estimate the requests of snapshot datasets.

What a dataset requests is known; how many pages a list has, and whether the account has an optional
endpoint, only the API knows. The first page says both, so a few requests are made for it.
"""

from collections import Counter
from collections.abc import Sequence

from assets.framework.contract.dataset import SnapshotDataset
from assets.framework.contract.request import Request
from assets.framework.ingestion.session import Session
from givenergy.errors import (
    AccessError,
    MissingCapability,
    NotFoundError,
    RequestRefusedError,
    RetryableError,
)
from givenergy.models import Page
from pipelines.estimates.page_request import request_page

_MOST_SAMPLED = 20
_SAMPLED_PER_SUBJECT = 2
# As many devices must refuse before a dataset is stopped.
_REFUSALS_UNTIL_STOP = 3


def count_pages(dataset: SnapshotDataset, requests: Sequence[Request], session: Session) -> int:
    """Estimate the requests that a dataset's requests take with all their pages.

    Args:
        dataset: The dataset.
        requests: What it requests.
        session: A session to request with.
    """
    is_paged = dataset.endpoint.page_size is not None
    if not is_paged and not (dataset.endpoint.is_later and len(requests) > 1):
        return len(requests)
    pages: list[int] = []
    refused = 0
    # Without pages one request shows whether the API has the endpoint.
    for request in _sampled(requests) if is_paged else requests[:1]:
        try:
            pages.append(_pages_of(dataset, request, session))
        except (AccessError, NotFoundError, RequestRefusedError) as error:
            pages.append(1)
            refused += 1
            # A backfill stops here as well.
            is_missing = error.missing_capability is MissingCapability.ENDPOINT
            if dataset.optional and (is_missing or refused >= _REFUSALS_UNTIL_STOP):
                return len(pages)
        except RetryableError:
            # It may be there at another time; how many pages there are must be known.
            if is_paged:
                raise
            return len(requests)
    if not pages:
        return 0
    return sum(pages) + round((len(requests) - len(pages)) * sum(pages) / len(pages))


def _sampled(requests: Sequence[Request]) -> list[Request]:
    """Choose two requests of each subject: several of one differ little, or are two lists."""
    chosen: list[Request] = []
    by_subject: Counter[str] = Counter()
    for request in requests:
        by_subject[request.subject] += 1
        if by_subject[request.subject] <= _SAMPLED_PER_SUBJECT:
            chosen.append(request)
    return chosen[:_MOST_SAMPLED]


def _pages_of(dataset: SnapshotDataset, request: Request, session: Session) -> int:
    """Return how many pages are read; of a list read until known rows, about as many."""

    def page(number: int) -> Page:
        return request_page(dataset, request, session, number)

    first = page(1)
    last = first.page_count or 1
    if request.stop_after is None or request.stop_after(first):
        return 1 if request.stop_after is not None else last
    # The known rows begin between a page without any and one that has some.
    without, number = 1, 2
    while number < last and not request.stop_after(page(number)):
        without, number = number, 2 * number
    return (without + 1 + min(number, last)) // 2
